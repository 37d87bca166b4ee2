// Beside Argo's files. Argo 3.7 is written for the Kubernetes libraries v0.33;
// since v0.34 whatever labels are matched against has this method too.
package executor

import "github.com/tidwall/gjson"

// Lookup returns the value for the label, and whether there is one.
func (g gjsonLabels) Lookup(label string) (string, bool) {
	found := gjson.GetBytes(g.json, label)
	return found.String(), found.Exists()
}
