// In the place of the gateway's file of this name, so that a client of LDAP is not compiled.

package auth

import "errors"

// NewLDAPService refuses: the tests' gateway has one account.
func NewLDAPService(...any) (IAMService, error) {
	return nil, errors.New("built without accounts in LDAP")
}
