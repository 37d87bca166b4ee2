// In the place of Argo's file of this name, so that a client of git is not compiled.

package git

import "github.com/argoproj/argo-workflows/v3/workflow/artifacts/common"

// ArtifactDriver refuses all that it is asked; its fields are those that Argo sets.
type ArtifactDriver struct {
	common.LeftOut
	Username, Password, SSHPrivateKey                         string
	InsecureIgnoreHostKey, InsecureSkipTLS, DisableSubmodules bool
}
