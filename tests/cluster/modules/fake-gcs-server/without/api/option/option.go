// Package option has, of the clients of Google's services, the options that fake-gcs-server names.
package option

import (
	"net/http"

	"golang.org/x/oauth2/google"
)

// ClientOption of a client that is not there.
type ClientOption struct{}

// WithHTTPClient sets nothing.
func WithHTTPClient(*http.Client) ClientOption {
	return ClientOption{}
}

// WithCredentials sets nothing.
func WithCredentials(*google.Credentials) ClientOption {
	return ClientOption{}
}
