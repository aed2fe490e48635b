package dev.sfumato;

/**
 * Texts that may hold anything, such as the names in a file, made fit for a terminal, a log and a
 * line of a message.
 */
public final class Printable {
  private static final int LONGEST = 400;
  private static final int TAIL = 120;
  private static final String CUT = " ... ";

  private Printable() {}

  /**
   * Returns {@code text} on one line. A line break becomes a space; other control characters, and
   * marks that turn the direction of writing, become question marks, so that a terminal shows the
   * text and does nothing else.
   */
  public static String of(String text) {
    StringBuilder line = new StringBuilder(text.length());
    text.strip()
        .codePoints()
        .forEach(
            c -> {
              if (c == '\n' || c == '\r' || c == '\t' || c == 0x2028 || c == 0x2029) {
                line.append(' ');
              } else {
                line.appendCodePoint(isHarmless(c) ? c : '?');
              }
            });
    return line.toString().replaceAll(" {2,}", " ");
  }

  /**
   * Returns the same, but of a long text only the beginning and the end: at most 400 characters.
   */
  public static String shortened(String text) {
    if (text.length() <= LONGEST) {
      return of(text);
    }
    int head = LONGEST - TAIL - CUT.length();
    return of(text.substring(0, head)) + CUT + of(text.substring(text.length() - TAIL));
  }

  private static boolean isHarmless(int c) {
    int type = Character.getType(c);
    boolean turns =
        c == 0x200e || c == 0x200f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069;
    return type != Character.CONTROL && type != Character.SURROGATE && !turns;
  }
}
