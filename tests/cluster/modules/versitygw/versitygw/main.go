// Command versitygw is an object store for tests: Versity's S3 gateway over a folder, for one account. Without the
// clients of clouds, directories and queues (see _over/) it is built in a quarter of the time.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

// As the gateway's own command has them.
const (
	maxConnections, maxRequests, maxParts = 250000, 100000, 10000
	concurrentActions                     = 5000
)

func main() {
	region := flag.String("region", "us-east-1", "the region that signatures name")
	address := flag.String("address", "", "host:port to listen on")
	metadata := flag.String("metadata", "", "folder for what is known of objects")
	objects := flag.String("objects", "", "folder of buckets")
	flag.Parse()

	sidecar, err := meta.NewSideCar(*metadata)
	if err != nil {
		log.Fatal(err)
	}
	options := posix.PosixOpts{SideCarDir: *metadata, Concurrency: concurrentActions}
	store, err := posix.New(*objects, sidecar, options)
	if err != nil {
		log.Fatal(err)
	}
	access, secret := os.Getenv("ROOT_ACCESS_KEY"), os.Getenv("ROOT_SECRET_KEY")
	accounts := auth.NewIAMServiceSingle(auth.Account{Access: access, Secret: secret, Role: auth.RoleAdmin})
	root := middlewares.RootUserConfig{Access: access, Secret: secret}
	server, err := s3api.New(
		store, root, *region, accounts, nil, nil, nil, nil,
		s3api.WithConcurrencyLimiter(maxConnections, maxRequests), s3api.WithMpMaxParts(maxParts),
		s3api.WithAdminServer(), s3api.WithQuiet(), s3api.WithKeepAlive(),
	)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.ServeMultiPort([]string{*address}))
}
