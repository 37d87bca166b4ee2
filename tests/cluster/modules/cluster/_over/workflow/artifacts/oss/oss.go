// In the place of Argo's file of this name, so that Alibaba Cloud's client is not compiled.

package oss

import "github.com/argoproj/argo-workflows/v3/workflow/artifacts/common"

// ArtifactDriver refuses all that it is asked; its fields are those that Argo sets.
type ArtifactDriver struct {
	common.LeftOut
	Endpoint, AccessKey, SecretKey, SecurityToken string
	UseSDKCreds                                   bool
}
