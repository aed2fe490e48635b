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
 * A file in which pictures lie one behind the other, so that any can be read without those before
 * it. Reading is safe from several threads.
 *
 * <p>What a compressed archive or a Parquet file holds is copied into a temporary one: these can
 * only be read from the start or in large groups. It costs no heap, since the operating system
 * keeps as much of it in memory as it can spare.
 */
final class PackedFile {
  private final FileChannel channel;
  private long end;

  private PackedFile(FileChannel channel) {
    this.channel = channel;
  }

  /** Where a picture lies. */
  record Extent(long offset, int length) {}

  /** Opens an existing file to read from. */
  static PackedFile open(Path file) throws IOException {
    return new PackedFile(FileChannel.open(file, StandardOpenOption.READ));
  }

  /** Returns an empty temporary file, which is gone when the process is. */
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
   * @throws IOException if it cannot be read or written, or is larger than a picture may be
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

  /**
   * Returns the bytes of a picture.
   *
   * @param name what messages call it
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
