package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// namespace of all identifiers of this package.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://lore-kb.github.io/id"))

// RootID returns the identifier of the root with this URI.
func RootID(uri string) string { return name("root", uri) }

// DocumentID returns the identifier of the document at path under a root of a
// collection. It stays the same when the document changes.
func DocumentID(collection, rootID, path string) string {
	return name("document", collection, rootID, path)
}

// PointID returns the identifier of a chunk: a UUIDv5 of its document's
// identifier and version and of its position, so that writing it twice is
// writing it once and another version never overwrites it.
func PointID(documentID, version string, ordinal int) string {
	return name("point", documentID, version, strconv.Itoa(ordinal))
}

// Digest returns a 128-bit hash of text in hexadecimal.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func name(parts ...string) string {
	return uuid.NewSHA1(namespace, []byte(strings.Join(parts, "\x00"))).String()
}
