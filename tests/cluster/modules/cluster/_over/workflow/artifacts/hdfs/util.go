// In the place of Argo's file of this name.

package hdfs
