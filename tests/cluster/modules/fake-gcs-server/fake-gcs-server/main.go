// Command fake-gcs-server is an object store for tests: fake-gcs-server in memory, over HTTP. Without the clients of
// Google's services (see without/) it is built in a fraction of the time.
package main

import (
	"flag"
	"log"
	"net/http"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	address := flag.String("address", "", "host:port to listen on")
	publicHost := flag.String("public-host", "", "host:port that objects are served at")
	externalURL := flag.String("external-url", "", "URL that answers name")
	flag.Parse()

	options := fakestorage.Options{NoListener: true, PublicHost: *publicHost, ExternalURL: *externalURL}
	server, err := fakestorage.NewServerWithOptions(options)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*address, server.HTTPHandler()))
}
