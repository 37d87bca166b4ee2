// Package storage has, of the client of Google Cloud Storage, the types that fake-gcs-server keeps its objects in.
package storage

import (
	"context"
	"errors"
	"time"

	"google.golang.org/api/option"
)

type (
	// ACLEntity is who is meant, such as allUsers.
	ACLEntity string
	// ACLRole is what they may do, such as OWNER.
	ACLRole string

	// ACLRule is one right of one entity.
	ACLRule struct {
		Entity        ACLEntity
		EntityID      string
		Role          ACLRole
		Domain, Email string
		ProjectTeam   *ProjectTeam
	}

	// ProjectTeam is a project's team.
	ProjectTeam struct{ ProjectNumber, Team string }

	// ObjectRetention is until when an object stays.
	ObjectRetention struct {
		Mode        string
		RetainUntil time.Time
	}

	// Projection is how much of an object is told.
	Projection int

	// Client is not there: tests ask over HTTP.
	Client struct{}
)

// How much of an object is told.
const (
	ProjectionDefault Projection = iota
	ProjectionFull
	ProjectionNoACL
)

// NewClient refuses.
func NewClient(context.Context, ...option.ClientOption) (*Client, error) {
	return nil, errors.New("built without a client of Google Cloud Storage")
}
