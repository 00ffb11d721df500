// Package xnnpack calls XNNPACK's softmax microkernels.
package xnnpack
