package dev.sfumato.data;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Names of files below a folder or in an archive, which are spelled in several ways. */
final class EntryNames {
  /** Folders in which network drives and systems keep previews and deleted pictures. */
  private static final Set<String> NOT_DATA =
      Set.of(
          "@eadir",
          "@__thumb",
          "@recycle",
          "#recycle",
          "#snapshot",
          "$recycle.bin",
          "lost+found",
          "system volume information");

  private static final List<String> ARCHIVES =
      List.of(".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2");

  private EntryNames() {}

  /** Returns a name with slashes, from the root: {@code ./a\b.png} is {@code a/b.png}. */
  static String portable(String entry) {
    return fromRoot(entry.replace('\\', '/'));
  }

  /** Returns a name from the root: {@code /./a//b.png} is {@code a/b.png}. */
  static String fromRoot(String entry) {
    List<String> parts = new ArrayList<>();
    for (String part : entry.split("/")) {
      if (!part.isEmpty() && !part.equals(".")) {
        parts.add(part);
      }
    }
    return String.join("/", parts);
  }

  /**
   * Resolves a path relative to {@code folder} into a name from the root. A path that leads out of
   * the root keeps its dots, so it names no file.
   *
   * @param folder empty, or with a slash at its end
   */
  static String resolved(String folder, String path) {
    List<String> parts = new ArrayList<>();
    for (String part : (path.startsWith("/") ? path : folder + path).split("/", -1)) {
      if (part.equals("..") && !parts.isEmpty() && !parts.get(parts.size() - 1).equals("..")) {
        parts.remove(parts.size() - 1);
      } else if (!part.equals(".") && !part.isEmpty()) {
        parts.add(part);
      }
    }
    return (path.startsWith("/") ? "/" : "") + String.join("/", parts);
  }

  /**
   * Decodes a name's bytes as UTF-8 or, if they are not valid UTF-8, as Latin-1, which fits any
   * bytes.
   */
  static String text(byte[] name) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(name)).toString();
    } catch (CharacterCodingException e) {
      return new String(name, StandardCharsets.ISO_8859_1);
    }
  }

  /** Returns a name without its ending: {@code a/b.c} for {@code a/b.c.png}. */
  static String stem(String name) {
    int dot = name.lastIndexOf('.');
    return dot > name.lastIndexOf('/') ? name.substring(0, dot) : name;
  }

  /** Returns what a picture's name has in common with those of its caption and its mask. */
  static String key(String name) {
    return canonical(stem(name));
  }

  /** Returns a name with accents in a single form; systems write them in two. */
  static String canonical(String name) {
    return Normalizer.normalize(name, Normalizer.Form.NFC);
  }

  /**
   * Returns whether a file counts as data. Hidden files and folders, {@code ..}, previews, and
   * folders that begin with two underscores do not (as in the datasets library); macOS leaves such
   * folders in archives.
   */
  static boolean isVisible(String name) {
    String[] parts = name.split("/");
    for (int i = 0; i < parts.length; i++) {
      if (parts[i].startsWith(".") || i + 1 < parts.length && !isData(parts[i])) {
        return false;
      }
    }
    return true;
  }

  /** Returns whether the files in a folder of this name count as data. */
  static boolean isData(String folder) {
    return !folder.startsWith(".")
        && !folder.startsWith("__")
        && !NOT_DATA.contains(folder.toLowerCase(Locale.ROOT));
  }

  /** Returns whether a file has the name of an archive, in any case. */
  static boolean isArchive(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return ARCHIVES.stream().anyMatch(lower::endsWith);
  }

  /**
   * Returns the single folder that holds all files of an archive: the prefix of all names, empty or
   * with a slash at the end. A folder that is named after a split does not count.
   *
   * @param names sorted
   */
  static String root(List<String> names) {
    String first = names.isEmpty() ? "" : names.get(0);
    String last = names.isEmpty() ? "" : names.get(names.size() - 1); // all lie between the two
    int root = 0;
    for (int slash = first.indexOf('/'); slash >= 0; slash = first.indexOf('/', slash + 1)) {
      boolean split = Splits.named(first.substring(root, slash)).isPresent();
      if (split || !last.startsWith(first.substring(0, slash + 1))) {
        break;
      }
      root = slash + 1;
    }
    return first.substring(0, root);
  }
}
