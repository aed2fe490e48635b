package dev.sfumato.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import java.io.CharConversionException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.StreamSupport;

/**
 * The metadata of pictures beside and below {@code metadata.jsonl}, {@code metadata.csv} or {@code
 * metadata.parquet}: a row for each, with its {@code file_name} and columns of any name.
 *
 * @param rows in the order of the files and of the rows in them
 */
record Metadata(List<Row> rows) {
  private static final String JSON = "metadata.jsonl";
  private static final String CSV = "metadata.csv";
  private static final String PARQUET = "metadata.parquet";
  private static final String FILE_NAME = "file_name";
  private static final ObjectReader JSON_ROWS = JsonFile.MAPPER.readerFor(JsonNode.class);
  private static final ObjectReader CSV_ROWS =
      CsvMapper.builder()
          .enable(CsvParser.Feature.SKIP_EMPTY_LINES)
          .build()
          .readerFor(JsonNode.class)
          .with(CsvSchema.emptySchema().withHeader());

  /**
   * A row.
   *
   * @param place the row's name in messages
   * @param picture the file's name among the {@link PictureFiles}
   * @param typed whether numbers differ from texts, which they do not in a CSV file
   */
  record Row(String place, String picture, JsonNode values, boolean typed) {

    JsonNode value(String column) {
      JsonNode value = values.path(column);
      boolean none = value.isNull() || !typed && value.asText().isBlank();
      return none ? MissingNode.getInstance() : value;
    }

    /** Returns the caption in a column, the first if there are several; empty if there is none. */
    String caption(String column) {
      JsonNode value = value(column);
      JsonNode first = value.isArray() ? value.path(0) : value;
      if (first.isContainerNode()) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: column '%s' has neither a text nor a list of texts: choose another"
                    + " `captionColumn`",
                place,
                column));
      }
      return first.isNull() ? "" : first.asText();
    }

    Label label(String column) {
      JsonNode value = value(column);
      if (!value.isValueNode()) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "%s: %s in column '%s'",
                place,
                value.isMissingNode() ? "no label" : "neither a number nor a name",
                column));
      }
      return typed
          ? new Label(value.asText(), value.isNumber())
          : Label.untyped(value.asText().strip());
    }
  }

  /** Returns whether a file of this name is metadata. */
  static boolean named(String name) {
    String last = last(name);
    return last.equals(JSON) || last.equals(CSV) || last.equals(PARQUET);
  }

  private static String last(String name) {
    return name.substring(name.lastIndexOf('/') + 1);
  }

  /**
   * Reads all metadata among some files; without any, there are no rows.
   *
   * @throws SfumatoException if they cannot be read or are of several formats, which probably
   *     describe the same pictures
   */
  static Metadata of(PictureFiles files) {
    List<String> names = files.names().stream().filter(Metadata::named).toList();
    List<String> formats = names.stream().map(Metadata::last).distinct().toList();
    if (formats.size() > 1) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: both %s; keep one of them",
              files.origin(),
              String.join(" and ", formats)));
    }
    List<Row> rows = new ArrayList<>();
    Set<String> present = Set.copyOf(files.names());
    for (String name : names) {
      try {
        read(files, name, present, rows);
      } catch (OutOfMemoryError e) {
        throw new SfumatoException(files.path(name) + ": too large for the memory", e);
      }
    }
    if (!names.isEmpty() && rows.isEmpty()) {
      throw new SfumatoException(
          files.path(names.get(0)) + ": names no pictures: fill it, or delete it");
    }
    return new Metadata(List.copyOf(rows));
  }

  private static void read(PictureFiles files, String name, Set<String> present, List<Row> rows) {
    String file = files.path(name);
    if (name.endsWith(PARQUET)) {
      List<JsonNode> values = ParquetTable.rows(files.read(name), file);
      for (int i = 0; i < values.size(); i++) {
        add(values.get(i), file, i + 1, name, present, rows);
      }
      return;
    }
    ObjectReader reader = name.endsWith(CSV) ? CSV_ROWS : JSON_ROWS;
    try (var values = reader.<JsonNode>readValues(files.read(name))) {
      for (int number = 1; values.hasNextValue(); number++) {
        add(values.nextValue(), file, number, name, present, rows);
      }
    } catch (JsonProcessingException e) {
      if (e.getOriginalMessage().startsWith("Invalid UTF-8")) {
        throw notUtf8(file, e);
      }
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      throw new SfumatoException(
          line <= 0 // before the first row
              ? file + ": the first line must name the columns, one of them file_name"
              : String.format(
                  Locale.ROOT,
                  "%s, line %d: %s",
                  file,
                  line,
                  e.getOriginalMessage().lines().findFirst().orElse("damaged")),
          e);
    } catch (CharConversionException e) {
      throw notUtf8(file, e);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read (" + AtomicFile.reason(e) + ")", e);
    }
  }

  private static SfumatoException notUtf8(String file, IOException e) {
    return new SfumatoException(file + ": is not text in UTF-8: save it as that", e);
  }

  private static void add(
      JsonNode values, String file, int number, String name, Set<String> present, List<Row> rows) {
    boolean typed = !name.endsWith(CSV);
    if (!typed && isEmpty(values)) {
      return; // a row of commas left by a spreadsheet
    }
    String place = file + ", row " + number;
    if (!typed && !values.has(FILE_NAME)) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: the first line must name the columns, separated by commas, one of them file_name,"
                  + " but names '%s'",
              file,
              String.join("', '", names(values))));
    }
    String picture = values.path(FILE_NAME).asText();
    if (!values.path(FILE_NAME).isTextual() || picture.isBlank()) {
      throw new SfumatoException(place + ": no file_name");
    }
    String folder = name.substring(0, name.lastIndexOf('/') + 1);
    String path = EntryNames.resolved(folder, picture);
    if (!present.contains(path) && picture.indexOf('\\') >= 0) { // written by Windows
      path = EntryNames.resolved(folder, picture.replace('\\', '/'));
    }
    rows.add(new Row(place, path, values, typed));
  }

  private static List<String> names(JsonNode values) {
    List<String> names = new ArrayList<>();
    values.fieldNames().forEachRemaining(names::add);
    return names;
  }

  private static boolean isEmpty(JsonNode values) {
    return StreamSupport.stream(values.spliterator(), false)
        .allMatch(value -> value.asText().isBlank());
  }

  /**
   * Returns the annotations of some rows; without a label column there are no classes.
   *
   * @param some the rows; the classes are those of all rows
   */
  Annotations annotations(Predicate<Row> some, DataOptions.Columns columns, String origin) {
    List<Row> chosen = rows.stream().filter(some).toList();
    List<String> names = columns(chosen);
    String table = origin + ": metadata";
    Annotations annotations =
        Column.label(columns)
            .in(names, table)
            .map(column -> withClasses(chosen, column, table))
            .orElse(Annotations.NONE);
    Optional<String> caption = Column.caption(columns).in(names, table);
    return caption.isEmpty()
        ? annotations
        : annotations.withCaptions(chosen.stream().map(row -> row.caption(caption.get())).toList());
  }

  /** Returns the names of the columns. */
  List<String> columns() {
    return columns(rows);
  }

  private static List<String> columns(List<Row> some) {
    Set<String> present = new LinkedHashSet<>();
    some.forEach(row -> present.addAll(names(row.values())));
    present.remove(FILE_NAME);
    return List.copyOf(present);
  }

  private Annotations withClasses(List<Row> chosen, String column, String table) {
    return Annotations.NONE.withClasses(
        chosen.stream().map(row -> row.label(column)).toList(),
        rows.stream()
            .filter(row -> row.value(column).isValueNode())
            .map(row -> row.label(column))
            .toList(),
        List.of(),
        table);
  }
}
