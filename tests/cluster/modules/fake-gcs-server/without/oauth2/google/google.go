// Package google has, of the ways to log in to Google, the type that fake-gcs-server names.
package google

// Credentials of nobody.
type Credentials struct{}
