package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.GZIPInputStream;

/**
 * An idx file of unsigned bytes, the format of MNIST: a magic number (0x08 for bytes, then the
 * number of dimensions), the sizes as big-endian 32-bit integers, and the values.
 *
 * @param path the file
 * @param shape its sizes, outermost first
 * @param values its bytes
 */
record IdxFile(Path path, int[] shape, byte[] values) {

  /** The largest ratio to which gzip compresses. */
  private static final long MAX_RATIO = 1032;

  /**
   * Reads a file, gzipped if its name ends in {@code .gz}.
   *
   * @throws SfumatoException if it is not an idx file of that many dimensions, is truncated, or is
   *     too long
   */
  static IdxFile read(Path path, int dimensions) {
    try (InputStream file = Files.newInputStream(path);
        DataInputStream in =
            new DataInputStream(new BufferedInputStream(unzipped(file, path), 1 << 16))) {
      int magic = in.readInt();
      int expected = 0x0800 + dimensions;
      if (magic != expected) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: not an idx file of bytes in %d dimensions (begins with 0x%08x instead of"
                    + " 0x%08x)",
                path,
                dimensions,
                magic,
                expected));
      }
      int[] shape = new int[dimensions];
      for (int i = 0; i < dimensions; i++) {
        shape[i] = in.readInt();
      }
      int length = length(shape, path);
      if (length > MAX_RATIO * Files.size(path)) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: declares %d bytes, more than a file of its size unpacks to",
                path,
                length));
      }
      // The buffer grows with the data, so a false header cannot claim memory that the file does
      // not fill.
      byte[] values = in.readNBytes(length);
      if (values.length < length) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: truncated, holds %d of the %d bytes that its header declares",
                path,
                values.length,
                length));
      }
      if (in.read() != -1) {
        throw new SfumatoException(path + ": has more than the " + length + " bytes it declares");
      }
      return new IdxFile(path, shape, values);
    } catch (EOFException e) {
      throw new SfumatoException(path + ": truncated", e);
    } catch (OutOfMemoryError e) {
      throw new SfumatoException(path + ": too large for the memory", e);
    } catch (IOException e) {
      throw new SfumatoException(path + ": cannot be read (" + AtomicFile.reason(e) + ")", e);
    }
  }

  private static int length(int[] shape, Path path) {
    long length = 1;
    for (int size : shape) {
      length *= size;
      if (size <= 0 || length > Integer.MAX_VALUE - 8) { // more than a Java array may hold
        throw new SfumatoException(
            path + ": declares an impossible shape " + Arrays.toString(shape));
      }
    }
    return (int) length;
  }

  private static InputStream unzipped(InputStream file, Path path) throws IOException {
    return path.toString().endsWith(".gz") ? new GZIPInputStream(file, 1 << 16) : file;
  }
}
