package dev.sfumato.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Standard output, which remembers a reader that went away, as {@code head} does. {@link
 * PrintStream} only tells that something was wrong.
 */
final class StandardOutput extends FilterOutputStream {
  private static volatile boolean unread;

  private StandardOutput(OutputStream out) {
    super(out);
  }

  /** Watches standard output from now on. */
  static void watch() {
    System.setOut(
        new PrintStream(
            new StandardOutput(new FileOutputStream(FileDescriptor.out)),
            true,
            StandardCharsets.UTF_8));
  }

  /** Returns true if the program at the other end of a pipe has ended. */
  static boolean isUnread() {
    return unread;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      out.write(bytes, offset, length);
    } catch (IOException e) {
      unread |= "Broken pipe".equals(e.getMessage());
      throw e;
    }
  }
}
