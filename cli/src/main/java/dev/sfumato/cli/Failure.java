package dev.sfumato.cli;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Error messages of one line, with a few hundred characters at most, that say what to do. */
final class Failure {
  private Failure() {}

  /** Returns the line for {@code e}. */
  static String line(Throwable e) {
    return "error: " + Printable.shortened(message(e));
  }

  private static String message(Throwable e) {
    if (e instanceof SfumatoException) {
      return String.valueOf(e.getMessage());
    }
    if (e instanceof OutOfMemoryError) {
      return "there is not enough memory for this ("
          + e.getMessage()
          + "): use a smaller batch or size, or give Java more, for example with"
          + " JAVA_TOOL_OPTIONS=-Xmx8g";
    }
    if (e instanceof StackOverflowError) {
      return "a file is nested too deeply to be read; --verbose says where";
    }
    if (e instanceof LinkageError) {
      return ofLibrary(root(e));
    }
    return "unexpected " + e + "; --verbose says where";
  }

  private static String ofLibrary(Throwable root) {
    if (root instanceof SfumatoException) {
      return root.getMessage();
    }
    return root instanceof IOException io
        ? "a library cannot be unpacked to the folder for temporary files ("
            + AtomicFile.reason(io)
            + "): set TMPDIR to a folder that exists and has room"
        : "a library cannot be loaded: "
            + root.getMessage()
            + "; if that folder is mounted noexec, set TMPDIR to another; --verbose says where";
  }

  private static Throwable root(Throwable e) {
    boolean last = e instanceof SfumatoException || e.getCause() == null;
    return last ? e : root(e.getCause());
  }

  /**
   * Returns an error if letters of the arguments were lost. Java reads them in the encoding of the
   * locale, which for C and POSIX has only ASCII.
   */
  static Optional<String> ofEncoding(List<String> arguments) {
    String encoding = System.getProperty("sun.jnu.encoding", "UTF-8");
    if (!encoding.equals("UTF-8") && hasLetters(commandLine())) {
      return Optional.of(
          "the locale has the encoding "
              + encoding
              + ", which loses letters of the arguments: set LC_ALL=C.UTF-8");
    }
    return arguments.stream()
        .filter(argument -> argument.contains("\uFFFD"))
        .findFirst()
        .map(argument -> "the argument '" + Printable.shortened(argument) + "' is not UTF-8 text");
  }

  private static byte[] commandLine() {
    try {
      return Files.readAllBytes(Path.of("/proc/self/cmdline"));
    } catch (IOException e) {
      return new byte[0]; // a system without /proc
    }
  }

  private static boolean hasLetters(byte[] text) {
    return !StandardCharsets.US_ASCII
        .newEncoder()
        .canEncode(new String(text, StandardCharsets.ISO_8859_1));
  }
}
