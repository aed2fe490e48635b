package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A column that is looked for in a table of pictures.
 *
 * @param option what messages call the option that names it
 * @param asked the name that was asked for; empty for the usual ones
 * @param usual the names that are looked for otherwise
 */
record Column(String option, String asked, List<String> usual) {

  static Column label(DataOptions.Columns columns) {
    return new Column("`labelColumn`", columns.label(), List.of("label"));
  }

  static Column caption(DataOptions.Columns columns) {
    return new Column("`captionColumn`", columns.caption(), List.of("text", "caption"));
  }

  /**
   * Returns the name of the column in a table, empty if nobody asked and there is none.
   *
   * @param present the table's columns
   * @param table what messages call it
   * @throws SfumatoException if the column that was asked for is missing, naming those there are
   */
  Optional<String> in(List<String> present, String table) {
    if (asked.isEmpty()) {
      return usual.stream().filter(present::contains).findFirst();
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
}
