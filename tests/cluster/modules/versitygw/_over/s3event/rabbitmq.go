// In the place of the gateway's file of this name, so that a client of AMQP is not compiled.

package s3event

import "errors"

// InitRabbitmqEventService refuses: the tests' gateway tells nobody of events.
func InitRabbitmqEventService(...any) (S3EventSender, error) {
	return nil, errors.New("built without events to RabbitMQ")
}
