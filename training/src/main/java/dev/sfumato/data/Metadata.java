package dev.sfumato.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What {@code metadata.jsonl} and {@code metadata.csv} files say about the pictures beside and
 * below them: a row for each, with its {@code file_name} and columns of any name.
 *
 * @param rows in the order of the files and of the rows in them
 */
record Metadata(List<Row> rows) {
  private static final String JSON = "metadata.jsonl";
  private static final String CSV = "metadata.csv";
  private static final ObjectReader JSON_ROWS = JsonFile.MAPPER.readerFor(JsonNode.class);
  private static final ObjectReader CSV_ROWS =
      new CsvMapper().readerFor(JsonNode.class).with(CsvSchema.emptySchema().withHeader());

  /**
   * A row.
   *
   * @param place what messages call it
   * @param picture the file's name among the {@link PictureFiles}
   */
  record Row(String place, String picture, JsonNode values) {

    JsonNode value(String column) {
      JsonNode value = values.path(column);
      return value.isNull() ? MissingNode.getInstance() : value;
    }

    /** A CSV file has no types, so that numbers are texts there. */
    boolean hasNumber(String column) {
      JsonNode value = value(column);
      return value.isIntegralNumber()
          || place.contains(CSV) && value.asText().matches("-?\\d{1,9}");
    }
  }

  /** Returns whether a file of this name is read. */
  static boolean named(String name) {
    String last = name.substring(name.lastIndexOf('/') + 1);
    return last.equals(JSON) || last.equals(CSV);
  }

  /** Reads all metadata among some files; no rows if there are none. */
  static Metadata of(PictureFiles files) {
    List<Row> rows = new ArrayList<>();
    files.names().stream().filter(Metadata::named).forEach(name -> read(files, name, rows));
    return new Metadata(List.copyOf(rows));
  }

  private static void read(PictureFiles files, String name, List<Row> rows) {
    String file = files.path(name);
    String folder = name.substring(0, name.lastIndexOf('/') + 1);
    ObjectReader reader = name.endsWith(CSV) ? CSV_ROWS : JSON_ROWS;
    try (var values = reader.<JsonNode>readValues(files.read(name))) {
      for (int number = 1; values.hasNextValue(); number++) {
        String place = file + ", row " + number;
        JsonNode row = values.nextValue();
        if (!row.path("file_name").isTextual()) {
          throw new SfumatoException(place + ": no file_name");
        }
        Path picture = Path.of(folder + row.get("file_name").asText()).normalize();
        rows.add(new Row(place, picture.toString().replace('\\', '/'), row));
      }
    } catch (JsonProcessingException e) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s, line %d: %s",
              file,
              e.getLocation() == null ? 1 : e.getLocation().getLineNr(),
              e.getOriginalMessage().lines().findFirst().orElse("damaged")),
          e);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  /** Returns what the columns say; without a label column, no classes. */
  Annotations annotations(DataOptions.Columns columns, String origin) {
    Set<String> present = new LinkedHashSet<>();
    rows.forEach(row -> row.values().fieldNames().forEachRemaining(present::add));
    present.remove("file_name");
    List<String> names = List.copyOf(present);
    String table = origin + ": metadata";
    Annotations annotations =
        Column.label(columns)
            .in(names, table)
            .map(column -> withClasses(column, table))
            .orElse(Annotations.NONE);
    Optional<String> caption = Column.caption(columns).in(names, table);
    return caption.isEmpty()
        ? annotations
        : annotations.withCaptions(
            rows.stream().map(row -> row.value(caption.get()).asText()).toList());
  }

  private Annotations withClasses(String column, String table) {
    Predicate<Row> lacksLabel = row -> row.value(column).isMissingNode();
    rows.stream()
        .filter(lacksLabel)
        .findFirst()
        .ifPresent(
            row -> {
              throw new SfumatoException(row.place() + ": no label in column '" + column + "'");
            });
    if (rows.stream().allMatch(row -> row.hasNumber(column))) {
      int[] labels = rows.stream().mapToInt(row -> row.value(column).asInt()).toArray();
      return Annotations.NONE.withClasses(labels, List.of(), table);
    }
    return Annotations.NONE.withClasses(
        rows.stream().map(row -> row.value(column).asText()).toList());
  }
}
