// In the place of Argo's file of this name, so that a client of Hadoop is not compiled.

package hdfs

import (
	"context"
	"errors"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/artifacts/common"
	"github.com/argoproj/argo-workflows/v3/workflow/artifacts/resource"
)

var errLeftOut = errors.New("this Argo is built without a client of Hadoop")

// ArtifactDriver refuses all that it is asked.
type ArtifactDriver struct{ common.LeftOut }

// ValidateArtifact refuses.
func ValidateArtifact(string, *wfv1.HDFSArtifact) error {
	return errLeftOut
}

// CreateDriver refuses.
func CreateDriver(context.Context, resource.Interface, *wfv1.HDFSArtifact) (*ArtifactDriver, error) {
	return nil, errLeftOut
}
