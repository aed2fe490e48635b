package dev.sfumato.clip;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Recognises mojibake: text that was decoded with the wrong encoding. Its marks are improbable
 * sequences of characters, such as an accented small letter before a currency sign.
 *
 * <p>The classes of characters and the sequences are those of ftfy 6.3.1 by Robyn Speer (Apache
 * License 2.0).
 */
final class Badness {
  private static final Map<String, String> CLASSES = new LinkedHashMap<>();

  static {
    CLASSES.put("arabic", "{common}{currency}{bad}{numeric}{start}ŸŠ®°µ»");
    CLASSES.put("common", "\\u00a0\\u00ad·´–—―…’");
    CLASSES.put("c1", "\\u0080-\\u009f");
    CLASSES.put("bad", "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\\ufffdªº");
    CLASSES.put("law", "¶§");
    CLASSES.put("currency", "¢£¥₧€");
    CLASSES.put("start", "¡«¿©΄΅‘‚“„•‹\\uf8ff");
    CLASSES.put("end", "®»˝”›™");
    CLASSES.put("numeric", "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№");
    CLASSES.put("kaomoji", "Ò-ÖÙ-Üò-öø-üŐŌŪŲ°");
    CLASSES.put("Accented", "À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ");
    CLASSES.put("accented", "ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ");
    CLASSES.put("Letters", "ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я");
    CLASSES.put("letters", "α-ωάέήίΰа-џ");
    CLASSES.put("box", "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓");
    CLASSES.put("space", "\\p{IsWhite_Space}\\u001c-\\u001f");
  }

  /** One sequence per line; a name in braces stands for a class of characters. */
  private static final String SEQUENCES =
      """
      [{c1}]
      [{bad}{accented}{Accented}{box}{start}{end}{currency}{numeric}{law}][{bad}]
      [a-zA-Z][{letters}{Letters}][{bad}]
      [{bad}][{accented}{Accented}{box}{start}{end}{currency}{numeric}{law}]
      [{accented}{letters}{box}{end}{currency}{numeric}][{Accented}]
      [{box}{end}{currency}{numeric}][{accented}]
      [{accented}{box}{end}][{currency}]
      [{space}][{Accented}][{currency}]
      [{Accented}{box}][{numeric}{law}]
      [{accented}{Accented}{box}{currency}{end}][{start}][{numeric}]
      [{accented}{Accented}{currency}{numeric}{box}{law}][{end}][{start}]
      [{currency}{numeric}{box}][{start}]
      [a-z][{Accented}][{start}{currency}]
      [{box}][{kaomoji}]
      [{accented}{Accented}{currency}{numeric}{start}{end}{law}][{box}]
      [{box}][{end}]
      [{accented}{Accented}][{start}{end}][\\p{L}\\p{N}_]
      [Œœ][^A-Za-z]
      [{Accented}]°
      [ÂÃÎÐ][€œŠš¢£Ÿž\\u00a0\\u00ad®©°·»{start}{end}–—´]
      ×[²³]
      [ØÙ][{arabic}][ØÙ][{arabic}]
      à[²µ¹¼½¾]
      √[±∂†≠®™´≤≥¥µø]
      ≈[°¢]
      ‚Ä[ìîïòôúùû†°¢π]
      ‚[âó][àä°ê]
      вЂ
      [ВГРС][{c1}{bad}{start}{end}{currency}°µ][ВГРС]
      ГўВЂВ.[A-Za-z ]
      Ã[\\u00a0¡]
      [a-z][{space}]?[ÃÂ][ ]
      ^[ÃÂ][ ]
      [a-z.,?!{end}]Â[ {start}{end}]
      β€[™\\u00a0Ά\\u00ad®°]
      [ΒΓΞΟ][{c1}{bad}{start}{end}{currency}°][ΒΓΞΟ]
      ā€
      """;

  private static final Pattern BAD = Pattern.compile(pattern(), Pattern.UNIX_LINES);

  private Badness() {}

  private static String pattern() {
    String pattern = SEQUENCES.lines().collect(Collectors.joining("|"));
    for (Map.Entry<String, String> set : CLASSES.entrySet()) {
      pattern = pattern.replace("{" + set.getKey() + "}", set.getValue());
    }
    return pattern;
  }

  /** Returns true if {@code text} looks like mojibake. */
  static boolean isBad(String text) {
    return BAD.matcher(text).find();
  }
}
