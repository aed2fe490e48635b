package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.picture.PictureReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file of consecutive pictures, any of which can be read without the earlier ones. Reading is
 * safe from several threads.
 *
 * <p>The content of a compressed archive or a Parquet file is copied into a temporary file, because
 * these can only be read from the start or in large groups. This costs no heap; the operating
 * system caches as much of it as it can spare.
 */
final class PackedFile {
  private final FileChannel channel;
  private long end;

  private PackedFile(FileChannel channel) {
    this.channel = channel;
  }

  /** The position of a picture. */
  record Extent(long offset, int length) {}

  /** Opens an existing file to read from. */
  static PackedFile open(Path file) throws IOException {
    return new PackedFile(FileChannel.open(file, StandardOpenOption.READ));
  }

  /** Returns an empty temporary file that disappears with the process. */
  static PackedFile temporary() throws IOException {
    return new PackedFile(
        FileChannel.open(
            Files.createTempFile("sfumato-", ".pictures"),
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE));
  }

  /**
   * Copies a picture to the end of the file.
   *
   * @throws IOException if it cannot be read or written, or is too large for a picture
   */
  Extent append(InputStream picture) throws IOException {
    long start = end;
    channel.position(start);
    OutputStream out = Channels.newOutputStream(channel);
    byte[] part = new byte[1 << 16];
    for (int read = picture.read(part); read >= 0; read = picture.read(part)) {
      out.write(part, 0, read);
      end += read;
      if (end - start > PictureReader.MAX_BYTES) {
        throw new IOException("an entry of more than 512 MB");
      }
    }
    return new Extent(start, (int) (end - start));
  }

  /** Returns the first bytes of a picture, whose name in messages is {@code name}. */
  Beginning begin(Extent extent, String name) {
    int count = Math.min(extent.length(), Beginning.MOST);
    return new Beginning(extent.length(), read(new Extent(extent.offset(), count), name));
  }

  /**
   * Returns the bytes of a picture.
   *
   * @param name its name in messages
   */
  byte[] read(Extent extent, String name) {
    try {
      ByteBuffer bytes = ByteBuffer.allocate(extent.length());
      while (bytes.hasRemaining()) {
        if (channel.read(bytes, extent.offset() + bytes.position()) < 0) {
          throw new SfumatoException(name + ": the file ends too early");
        }
      }
      return bytes.array();
    } catch (OutOfMemoryError e) {
      throw new SfumatoException(name + ": too large for the memory", e);
    } catch (IOException e) {
      throw new SfumatoException(name + ": cannot be read (" + AtomicFile.reason(e) + ")", e);
    }
  }
}
