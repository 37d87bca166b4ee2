// In the place of Argo's file of this name, so that what logs in to clouds' registries is not compiled.

package entrypoint

import (
	"context"
	"errors"

	"k8s.io/client-go/kubernetes"
)

type containerRegistryIndex struct {
	kubernetesClient kubernetes.Interface
}

// Lookup refuses: the test cluster reaches no registry, so templates state their command.
func (*containerRegistryIndex) Lookup(context.Context, string, Options) (*Image, error) {
	return nil, errors.New("this Argo asks no registry for an image's entrypoint: state the command")
}
