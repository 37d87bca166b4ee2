package common

import (
	"errors"
	"io"

	"github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

var errLeftOut = errors.New("this Argo is built without the client of this store; of stores it has S3 and HTTP")

// LeftOut stands for drivers whose clients take long to compile and that nothing on the test cluster uses.
type LeftOut struct{}

// Load refuses.
func (LeftOut) Load(*v1alpha1.Artifact, string) error { return errLeftOut }

// OpenStream refuses.
func (LeftOut) OpenStream(*v1alpha1.Artifact) (io.ReadCloser, error) { return nil, errLeftOut }

// Save refuses.
func (LeftOut) Save(string, *v1alpha1.Artifact) error { return errLeftOut }

// Delete refuses.
func (LeftOut) Delete(*v1alpha1.Artifact) error { return errLeftOut }

// ListObjects refuses.
func (LeftOut) ListObjects(*v1alpha1.Artifact) ([]string, error) { return nil, errLeftOut }

// IsDirectory refuses.
func (LeftOut) IsDirectory(*v1alpha1.Artifact) (bool, error) { return false, errLeftOut }
