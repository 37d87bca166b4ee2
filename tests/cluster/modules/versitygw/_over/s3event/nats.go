// In the place of the gateway's file of this name, so that a client of NATS is not compiled.

package s3event

import "errors"

// InitNatsEventService refuses: the tests' gateway tells nobody of events.
func InitNatsEventService(...any) (S3EventSender, error) {
	return nil, errors.New("built without events to NATS")
}
