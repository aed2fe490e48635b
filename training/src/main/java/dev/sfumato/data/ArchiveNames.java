package dev.sfumato.data;

import java.util.TreeMap;

/** Names of archive entries, which are written in several ways. */
final class ArchiveNames {
  private ArchiveNames() {}

  /** Returns a name with slashes, from the archive's root: {@code ./a\b.png} is {@code a/b.png}. */
  static String portable(String entry) {
    return entry.replace('\\', '/').replaceAll("(?<=^|/)(\\./|/)+", "");
  }

  /** Returns whether an entry is of use. Nothing is written where it says, so none does harm. */
  static boolean wanted(String name) {
    return PictureFiles.isVisible(name) && FileSource.uses(name);
  }

  /** Returns entries by their names in the one folder that an archive was made of, if it was. */
  static <T> TreeMap<String, T> fromRoot(TreeMap<String, T> entries) {
    if (entries.isEmpty() || entries.firstKey().indexOf('/') < 0) {
      return entries;
    }
    String folder = entries.firstKey().substring(0, entries.firstKey().indexOf('/') + 1);
    if (!entries.keySet().stream().allMatch(name -> name.startsWith(folder))) {
      return entries;
    }
    TreeMap<String, T> inside = new TreeMap<>();
    entries.forEach((name, entry) -> inside.put(name.substring(folder.length()), entry));
    return fromRoot(inside);
  }
}
