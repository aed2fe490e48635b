package dev.sfumato;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/** The names that a misspelt one may stand for. */
public final class NearNames {
  private static final int MOST = 3;

  private NearNames() {}

  /**
   * Returns at most three of {@code known}, the nearest first: those in which two letters or a
   * third of them are changed (Levenshtein's distance), and those that hold {@code name}.
   */
  public static List<String> of(String name, Collection<String> known) {
    return known.stream()
        .filter(other -> isNear(name, other))
        .sorted(
            Comparator.<String>comparingInt(other -> distance(name, other))
                .thenComparing(Comparator.naturalOrder()))
        .limit(MOST)
        .toList();
  }

  /** Returns the same as the end of a message, {@code "; did you mean a or b?"}, or nothing. */
  public static String asked(String name, Collection<String> known) {
    List<String> near = of(name, known);
    return near.isEmpty()
        ? ""
        : near.stream().collect(Collectors.joining(" or ", "; did you mean ", "?"));
  }

  private static boolean isNear(String name, String other) {
    int changed = Math.max(Math.min(2, name.length() / 2), other.length() / 3);
    return distance(name, other) <= changed || name.length() > 3 && other.contains(name);
  }

  private static int distance(String a, String b) {
    int[] above = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      above[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = above[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(above[j], row[j - 1]) + 1);
      }
      above = row;
    }
    return above[b.length()];
  }
}
