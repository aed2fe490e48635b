package dev.sfumato.studio;

import dev.sfumato.tensor.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Writes a drawing as a command for a shell. */
final class CommandText {
  private static final Pattern PLAIN = Pattern.compile("[\\w@%+=:,./-]+");

  private CommandText() {}

  /** Returns a command that writes a file for each picture into the folder {@code drawn}. */
  static String of(Drawing drawing, DrawingSettings settings, StudioOptions studio) {
    List<String> lines = new ArrayList<>();
    lines.add(studio.program() + " sample --model " + quoted(drawing.model()));
    settings.words().forEach(words -> lines.add(options(words)));
    if (!studio.device().equals("auto")) {
      lines.add("--device " + quoted(studio.device()));
    }
    if (studio.precision() != Precision.FP32) {
      lines.add("--precision " + studio.precision().toString().toLowerCase(Locale.ROOT));
    }
    lines.add("--out-dir drawn");
    return String.join(" \\\n  ", lines);
  }

  /** Names and values in turn; a value that looks like an option is bound to its name. */
  private static String options(List<String> words) {
    List<String> options = new ArrayList<>();
    for (int i = 0; i < words.size(); i += 2) {
      String between = words.get(i + 1).startsWith("-") ? "=" : " ";
      options.add(words.get(i) + between + quoted(words.get(i + 1)));
    }
    return String.join(" ", options);
  }

  private static String quoted(String word) {
    return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
