package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.SfumatoException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Errors of every kind as the user sees them. */
class FailureTest {
  @Test
  void errorsThatAreNoExceptionsAreOneLineThatSaysWhatToDo() {
    assertThat(Failure.line(new OutOfMemoryError("Java heap space"))).contains("-Xmx");
    assertThat(Failure.line(new StackOverflowError())).contains("nested too deeply");
    assertThat(Failure.line(new UnsatisfiedLinkError("x.so: failed to map segment")))
        .contains("x.so: failed to map segment");
    Throwable noFolder = new IllegalStateException(new NoSuchFileException("/none/x.so"));
    assertThat(Failure.line(new ExceptionInInitializerError(noFolder))).contains("set TMPDIR");
    Throwable ours = new SfumatoException("the reason");
    assertThat(Failure.line(new ExceptionInInitializerError(ours))).isEqualTo("error: the reason");
  }

  @Test
  void aLineIsShortAndPlain() {
    String line = Failure.line(new SfumatoException("\033[31mred\n  " + "x".repeat(5000)));
    assertThat(line).startsWith("error: ?[31mred x");
    assertThat(line.length()).isLessThan(700);
  }

  @Test
  void lettersThatWereLostAreAnError() {
    assertThat(Failure.ofEncoding(List.of("café"))).isEmpty();
    assertThat(Failure.ofEncoding(List.of("caf\uFFFD")).orElseThrow()).contains("is not UTF-8");
  }
}
