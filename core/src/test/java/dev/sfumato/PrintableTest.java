package dev.sfumato;

import static com.google.common.truth.Truth.assertThat;

import org.junit.jupiter.api.Test;

class PrintableTest {
  @Test
  void whatATerminalObeysBecomesAQuestionMark() {
    assertThat(Printable.of("a\u001b[31mb\u0007\u009bc\u202ed\u2066e")).isEqualTo("a?[31mb??c?d?e");
    assertThat(Printable.of(" one\n  two\r\nthree\tfour ")).isEqualTo("one two three four");
    assertThat(Printable.of("café 漢字 \ud83d\ude00")).isEqualTo("café 漢字 \ud83d\ude00");
    assertThat(Printable.of("half\ud83d")).isEqualTo("half?");
  }

  @Test
  void ofALongTextTheEndsRemain() {
    String shortened = Printable.shortened("begin " + "x".repeat(30_000_000) + "\u001b end");
    assertThat(shortened).startsWith("begin xxx");
    assertThat(shortened).endsWith("xx? end");
    assertThat(shortened).contains("xx ... xx");
    assertThat(shortened.length()).isAtMost(400);
    assertThat(Printable.shortened("short")).isEqualTo("short");
  }

  @Test
  void messagesOfErrorsAreShortAndPrintable() {
    SfumatoException e = new SfumatoException("\u001b]0;x\n" + "y".repeat(1000), null);
    assertThat(e.getMessage()).startsWith("?]0;x yyy");
    assertThat(e.getMessage().length()).isAtMost(400);
  }
}
