package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The bytes of a {@link TorchPickle}, which may be only so many. */
final class PickleInput {
  /** The longest name, in characters. */
  static final int MAX_NAME = 1024;

  private static final long MAX_BYTES = 32 << 20;

  private final Path file;
  private final InputStream in;
  private final long most;
  private long bytesRead;

  PickleInput(Path file, InputStream in) throws IOException {
    this.file = file;
    this.in = in;
    most = Math.min(MAX_BYTES, Files.size(file)); // torch.save compresses nothing
  }

  /** Reads one byte. */
  int next() throws IOException {
    count(1);
    int next = in.read();
    if (next < 0) {
      throw new EOFException();
    }
    return next;
  }

  private void count(long bytes) {
    bytesRead += bytes;
    if (bytesRead > most) {
      throw broken("holds a pickle of more than " + most + " bytes");
    }
  }

  /** Reads {@code count} bytes. */
  byte[] bytes(long count) throws IOException {
    count(count);
    byte[] bytes = in.readNBytes((int) count);
    if (bytes.length < count) {
      throw new EOFException();
    }
    return bytes;
  }

  /** Reads an unsigned little-endian number of at most 4 bytes. */
  long number(int size) throws IOException {
    byte[] eight = Arrays.copyOf(bytes(size), 8);
    return ByteBuffer.wrap(eight).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  /** Returns a whole number: a {@code Long}, or a {@code BigInteger} if it is longer. */
  static Object integer(byte[] littleEndian) {
    byte[] bigEndian = new byte[littleEndian.length + 1];
    for (int i = 0; i < littleEndian.length; i++) {
      bigEndian[littleEndian.length - i] = littleEndian[i];
    }
    bigEndian[0] = (byte) (bigEndian.length > 1 && bigEndian[1] < 0 ? -1 : 0);
    BigInteger value = new BigInteger(bigEndian);
    return value.bitLength() < 64 ? (Object) value.longValue() : value;
  }

  /** Reads {@code length} bytes of UTF-8. */
  String text(long length) throws IOException {
    return new String(bytes(length), StandardCharsets.UTF_8);
  }

  /** Reads characters up to the end of the line. */
  String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = next(); c != '\n'; c = next()) {
      if (line.length() == MAX_NAME) {
        throw broken("has a name of more than " + MAX_NAME + " characters");
      }
      line.append((char) c);
    }
    return line.toString();
  }

  SfumatoException broken(String problem) {
    return new SfumatoException(file + ": " + problem + ": it is not a plain PyTorch checkpoint");
  }
}
