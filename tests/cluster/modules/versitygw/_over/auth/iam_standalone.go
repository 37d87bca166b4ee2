// In the place of the gateway's file of this name, so that a service of accounts, and Vault's client with it, is not compiled.

package auth

import "errors"

// IAMServiceStandaloneConfig has what the choice of a service of accounts sets.
type IAMServiceStandaloneConfig struct {
	Endpoint, Access, Secret, ClientCert, ClientCertKey, ServerCA, Region string
	DefaultUserID, DefaultGroupID, DefaultProjectID                       int
}

// NewIAMServiceStandalone refuses: the tests' gateway has one account.
func NewIAMServiceStandalone(Account, IAMServiceStandaloneConfig) (IAMService, error) {
	return nil, errors.New("built without a service of accounts")
}
