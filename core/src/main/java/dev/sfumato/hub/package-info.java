/**
 * Models and data sets of the Hugging Face Hub, kept in the cache that all its programs share.
 *
 * <p>{@link dev.sfumato.hub.Hub#snapshot} downloads the files of a repository at a revision into
 * the cache and returns their folder. {@link dev.sfumato.hub.ModelFiles} chooses the files.
 *
 * <pre>
 * models--org--name/refs/main                 the last known commit of a branch or tag
 * models--org--name/blobs/ETAG                contents, by their hash
 * models--org--name/snapshots/COMMIT/FILE     a link to the blob
 * models--org--name/trees/COMMIT.json         all files of the commit, cached or not
 * models--org--name/.no_exist/COMMIT/FILE     known not to exist
 * .locks/models--org--name/ETAG.lock          held while a blob is written
 * </pre>
 */
package dev.sfumato.hub;
