package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import java.util.List;

/** Checks names chosen by a server or a user that become paths in the cache. */
final class FileNames {
  private FileNames() {}

  /** Returns true if {@code name}, with slashes, stays inside its folder on any system. */
  static boolean isInside(String name) {
    return name.indexOf('\\') < 0
        && name.indexOf('\0') < 0
        && List.of(name.split("/", -1)).stream()
            .noneMatch(part -> part.matches("|\\.|\\.\\.|[A-Za-z]:.*"));
  }

  /**
   * Returns {@code names} if all of them stay inside.
   *
   * @throws SfumatoException naming the first that does not
   */
  static List<String> requireInside(List<String> names, HubId id) {
    for (String name : names) {
      if (!isInside(name)) {
        throw new SfumatoException(
            id + ": refused: its file name '" + name + "' leads out of the cache");
      }
    }
    return names;
  }
}
