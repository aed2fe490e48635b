package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A column to find in a table of pictures.
 *
 * @param option what messages call the option that names it
 * @param asked the requested name; empty for the usual ones
 * @param usual the names to look for otherwise, first as they are, then in any case
 */
record Column(String option, String asked, List<String> usual) {

  static Column label(DataOptions.Columns columns) {
    return new Column("`labelColumn`", columns.label(), List.of("label"));
  }

  static Column caption(DataOptions.Columns columns) {
    return new Column("`captionColumn`", columns.caption(), List.of("text", "caption"));
  }

  /**
   * Returns the name of the column in a table; empty if no name was requested and no usual one is
   * present.
   *
   * @param present the table's columns
   * @param table the table's name in messages
   * @throws SfumatoException if the requested column is missing, or several have a usual name in
   *     other cases; the message names them
   */
  Optional<String> in(List<String> present, String table) {
    if (asked.isEmpty()) {
      return usual.stream()
          .filter(present::contains)
          .findFirst()
          .or(() -> ofAnyCase(present, table));
    }
    if (!present.contains(asked)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: no column '%s' for %s; there are %s",
              table,
              asked,
              option,
              String.join(", ", present)));
    }
    return Optional.of(asked);
  }

  private Optional<String> ofAnyCase(List<String> present, String table) {
    List<String> found =
        usual.stream()
            .map(name -> present.stream().filter(name::equalsIgnoreCase).toList())
            .filter(alike -> !alike.isEmpty())
            .findFirst()
            .orElse(List.of());
    if (found.size() > 1) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: columns %s: choose one with %s",
              table,
              String.join(" and ", found),
              option));
    }
    return found.stream().findFirst();
  }
}
