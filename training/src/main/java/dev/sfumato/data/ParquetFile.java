package dev.sfumato.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A Parquet file of pictures, as described by DuckDB.
 *
 * @param types the columns' types in DuckDB's spelling, in the file's order
 * @param features the {@code datasets} library's description of the columns, by name; may be empty
 */
record ParquetFile(Path path, Map<String, String> types, JsonNode features) {
  private static final Pattern LIBRARY =
      Pattern.compile("/.*/libduckdb_java\\d+\\.so$", Pattern.MULTILINE);

  /** The longest time between the start of unpacking a library and its use. */
  private static final Duration UNPACKING = Duration.ofHours(1);

  private static final String MAGIC = "PAR1";

  /** The usual columns of names of files. */
  private static final Set<String> PATHS =
      Set.of("image", "img", "file_name", "image_path", "path", "file", "filename");

  /** Opens a connection with few threads and little memory: files are read one after the other. */
  static Connection connect() throws SQLException {
    Properties settings = new Properties();
    settings.setProperty("threads", "1");
    settings.setProperty("memory_limit", "1GB");
    settings.setProperty("jdbc_stream_results", "true");
    settings.setProperty("autoinstall_known_extensions", "false");
    settings.setProperty("autoload_known_extensions", "false");
    deleteLeftovers();
    Connection connection = DriverManager.getConnection("jdbc:duckdb:", settings);
    deleteLibrary();
    return connection;
  }

  /**
   * The driver unpacks 70 MB to the folder for temporary files and deletes them at the end, which a
   * process that is killed does not reach. Linux keeps a deleted file for as long as it is loaded.
   */
  private static void deleteLibrary() {
    try {
      String maps =
          new String(Files.readAllBytes(Path.of("/proc/self/maps")), StandardCharsets.UTF_8);
      Matcher library = LIBRARY.matcher(maps);
      while (library.find()) {
        Files.deleteIfExists(Path.of(library.group()));
      }
    } catch (IOException e) {
      // Without /proc, or where it cannot be deleted, the file stays until the process ends.
    }
  }

  /** Deletes the libraries of processes that were killed before they had loaded them. */
  private static void deleteLeftovers() {
    Path folder = Path.of(System.getProperty("java.io.tmpdir"));
    FileTime old = FileTime.from(Instant.now().minus(UNPACKING));
    try (DirectoryStream<Path> left = Files.newDirectoryStream(folder, "libduckdb_java*.so")) {
      for (Path file : left) {
        if (Files.getLastModifiedTime(file).compareTo(old) < 0) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // Another user's, or the folder does not exist, which the driver reports.
    }
  }

  /**
   * Reads the description of a file.
   *
   * @throws SfumatoException if it is not a Parquet file
   */
  static ParquetFile open(Path path, Statement statement) throws SQLException {
    requireParquet(path);
    Map<String, String> types = new LinkedHashMap<>();
    try (ResultSet columns =
        statement.executeQuery(
            String.format(Locale.ROOT, "DESCRIBE SELECT * FROM read_parquet(%s)", text(path)))) {
      while (columns.next()) {
        types.put(columns.getString("column_name"), columns.getString("column_type"));
      }
    }
    try (ResultSet info =
        statement.executeQuery(
            String.format(
                Locale.ROOT,
                "SELECT decode(value) FROM parquet_kv_metadata(%s) WHERE decode(key) ="
                    + " 'huggingface'",
                text(path)))) {
      return new ParquetFile(path, types, features(info.next() ? info.getString(1) : "{}"));
    }
  }

  private static void requireParquet(Path path) {
    byte[] begin = new byte[MAGIC.length()];
    byte[] end = new byte[MAGIC.length()];
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      if (file.length() == 0) {
        throw new SfumatoException(path + ": the file is empty");
      }
      if (file.length() >= 2 * MAGIC.length()) {
        file.readFully(begin);
        file.seek(file.length() - MAGIC.length());
        file.readFully(end);
      }
    } catch (IOException e) {
      throw new SfumatoException(path + ": cannot be read (" + AtomicFile.reason(e) + ")", e);
    }
    if (!MAGIC.equals(new String(begin, StandardCharsets.US_ASCII))) {
      throw new SfumatoException(path + ": not a Parquet file");
    }
    if (!MAGIC.equals(new String(end, StandardCharsets.US_ASCII))) {
      throw new SfumatoException(path + ": a truncated Parquet file");
    }
  }

  private static JsonNode features(String json) {
    try {
      return JsonFile.MAPPER.readTree(json).path("info").path("features");
    } catch (JsonProcessingException e) {
      return MissingNode.getInstance(); // other programs' entries do not describe columns
    }
  }

  /**
   * Returns the column of pictures: structs with {@code bytes} or a {@code path}, else plain bytes,
   * else paths of files.
   */
  String imageColumn(String asked) {
    List<String> names = List.copyOf(types.keySet());
    Optional<String> column =
        new Column("`imageColumn`", asked, List.of()).in(names, path.toString());
    if (column.isPresent() && !isPicture(column.get()) && !isText(column.get())) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: column '%s' holds %s, not pictures",
              path,
              column.get(),
              types.get(column.get())));
    }
    return column
        .or(() -> names.stream().filter(name -> isPicture(name) && isStruct(name)).findFirst())
        .or(() -> names.stream().filter(this::isPicture).findFirst())
        .or(() -> names.stream().filter(this::isPath).findFirst())
        .orElseThrow(
            () ->
                new SfumatoException(
                    String.format(
                        Locale.ROOT,
                        "%s: no column of pictures; there are %s",
                        path,
                        String.join(", ", names))));
  }

  private boolean isPicture(String column) {
    String feature = features.path(column).path("_type").asText("Image");
    boolean bytes = isStruct(column) || types.get(column).equals("BLOB");
    return bytes && !feature.equals("Audio") && !feature.equals("Video");
  }

  private boolean isStruct(String column) {
    return hasField(column, "bytes\"? BLOB") || hasField(column, "path\"? VARCHAR");
  }

  private boolean hasField(String column, String field) {
    return types.get(column).matches("STRUCT\\(.*\\b" + field + ".*");
  }

  private boolean isPath(String column) {
    return isText(column)
        && (PATHS.contains(column) || features.path(column).path("_type").asText().equals("Image"));
  }

  private boolean isText(String column) {
    return types.get(column).equals("VARCHAR");
  }

  /** Returns the column of classes, if there is one. */
  Optional<String> labelColumn(DataOptions.Columns columns) {
    Column label = Column.label(columns);
    Optional<String> column = label.in(List.copyOf(types.keySet()), path.toString());
    boolean fits = column.map(types::get).map(ParquetFile::isLabel).orElse(true);
    if (!fits && !label.asked().isEmpty()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: column '%s' holds %s, not labels",
              path,
              column.get(),
              types.get(column.get())));
    }
    return fits ? column : Optional.empty();
  }

  private static boolean isLabel(String type) {
    return isNumber(type) || type.equals("VARCHAR") || type.equals("BOOLEAN");
  }

  private static boolean isNumber(String type) {
    return type.matches("U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\\(.*");
  }

  /** Returns whether the classes are numbers instead of names. */
  boolean isNumbered(String labelColumn) {
    return isNumber(types.get(labelColumn));
  }

  /** Returns the names of the classes behind a column's numbers; empty if unknown. */
  List<String> classNames(String labelColumn) {
    JsonNode names = features.path(labelColumn).path("names");
    return names.isArray() ? names.valueStream().map(JsonNode::asText).toList() : List.of();
  }

  /** Returns the column of captions, if there is one. */
  Optional<String> captionColumn(DataOptions.Columns columns) {
    return Column.caption(columns).in(List.copyOf(types.keySet()), path.toString());
  }

  /** Returns the columns of texts, one or several for each picture, besides that of pictures. */
  List<String> textColumns(String image) {
    return types.keySet().stream()
        .filter(name -> !name.equals(image) && types.get(name).matches("VARCHAR(\\[\\])?"))
        .toList();
  }

  /** Returns the query for pictures as bytes, classes, captions and paths, each null if absent. */
  String rows(String image, Optional<String> label, Optional<String> caption) {
    String column = quoted(image);
    boolean bytes = !isStruct(image) || hasField(image, "bytes\"? BLOB");
    boolean path = isStruct(image) && hasField(image, "path\"? VARCHAR");
    return String.format(
        Locale.ROOT,
        "SELECT %s, %s, %s, %s FROM read_parquet(%s)",
        isText(image) || !bytes ? "NULL" : isStruct(image) ? column + ".bytes" : column,
        label.map(ParquetFile::quoted).orElse("NULL"),
        caption.map(this::firstText).orElse("NULL"),
        isText(image) ? column : path ? column + ".path" : "NULL",
        text(path()));
  }

  /** Returns the query for the different values of a column. */
  String differentValues(String column) {
    return String.format(
        Locale.ROOT,
        "SELECT DISTINCT %1$s FROM read_parquet(%2$s) WHERE %1$s IS NOT NULL",
        quoted(column),
        text(path()));
  }

  /** Returns the first caption of a picture, as some sets have several. */
  private String firstText(String column) {
    String one = types.get(column).endsWith("[]") ? quoted(column) + "[1]" : quoted(column);
    return String.format(Locale.ROOT, "CAST(%s AS VARCHAR)", one);
  }

  private static String quoted(String column) {
    return '"' + column.replace("\"", "\"\"") + '"';
  }

  /** Returns the first line of an error's message. */
  static String oneLine(Exception e) {
    return e.getMessage().lines().findFirst().orElse("no reason given");
  }

  /** Returns a path as DuckDB takes it. */
  static String text(Path path) {
    return "'" + path.toString().replace("'", "''") + "'";
  }
}
