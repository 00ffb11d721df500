package native

// Version is the version of this module: of the release, or of the one to come
// and "-dev" between releases.
const Version = "0.1.0-dev"
