package dev.sfumato.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.List;

/** Collects the lines that the library logs, which go to standard error here. */
public final class LoggedMessages {
  private LoggedMessages() {}

  /** Runs {@code work} and returns the lines that it logs meanwhile. */
  public static List<String> of(Runnable work) {
    PrintStream before = System.err;
    ByteArrayOutputStream told = new ByteArrayOutputStream();
    System.setErr(new PrintStream(told, true, UTF_8));
    try {
      work.run();
    } finally {
      System.setErr(before);
    }
    return told.toString(UTF_8).lines().toList();
  }
}
