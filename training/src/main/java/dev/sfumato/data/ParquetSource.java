package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.PackedFile.Extent;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The pictures of Parquet files in the layout of the {@code datasets} library: a column of structs
 * with {@code bytes}, or of bytes, and columns of labels and captions. Rows come in the order of
 * the files and of the rows in them. They are read once from the start to the end, and the pictures
 * copied out as they are.
 */
final class ParquetSource implements PictureSource {
  private final String origin;
  private final DataOptions.Columns columns;
  private final PackedFile pictures;
  private final List<Extent> extents = new ArrayList<>();
  private final TreeMap<Integer, Path> files = new TreeMap<>(); // by the number of their first row
  private final List<String> captions = new ArrayList<>();
  private final List<String> labels = new ArrayList<>();
  private List<String> classNames = List.of();
  private boolean numbered;

  private ParquetSource(String origin, DataOptions.Columns columns, PackedFile pictures) {
    this.origin = origin;
    this.columns = columns;
    this.pictures = pictures;
  }

  /**
   * Reads files.
   *
   * @param origin what messages call all of them
   * @throws SfumatoException if one is no Parquet file or lacks a column, or all have no rows
   */
  static ParquetSource open(String origin, List<Path> files, DataOptions.Columns columns) {
    try (Connection connection = ParquetFile.connect();
        Statement statement = connection.createStatement()) {
      ParquetSource source = new ParquetSource(origin, columns, PackedFile.temporary());
      for (Path file : files) {
        source.add(file, statement);
      }
      if (source.size() == 0) {
        throw new SfumatoException(origin + ": no rows");
      }
      return source;
    } catch (IOException e) {
      throw new SfumatoException(
          origin + ": cannot be copied to the folder for temporary files (" + e.getMessage() + ")",
          e);
    } catch (SQLException e) {
      throw new SfumatoException(origin + ": cannot be connected to (" + oneLine(e) + ")", e);
    }
  }

  private void add(Path path, Statement statement) throws IOException {
    try {
      ParquetFile file = ParquetFile.open(path, statement);
      String image = file.imageColumn(columns.image());
      Optional<String> label = file.labelColumn(columns);
      label.ifPresent(column -> requireSameClasses(file, column));
      Optional<String> caption = file.captionColumn(columns);
      files.put(size(), path);
      try (ResultSet rows = statement.executeQuery(file.rows(image, label, caption))) {
        while (rows.next()) {
          add(rows, label.isPresent(), caption.isPresent());
        }
      }
    } catch (SQLException e) {
      throw new SfumatoException(path + ": cannot be read (" + oneLine(e) + ")", e);
    }
  }

  private void requireSameClasses(ParquetFile file, String label) {
    if (size() > 0
        && (numbered != file.isNumbered(label) || !classNames.equals(file.classNames(label)))) {
      throw new SfumatoException(file.path() + ": other classes than in the files before it");
    }
    numbered = file.isNumbered(label);
    classNames = file.classNames(label);
  }

  private void add(ResultSet row, boolean labelled, boolean captioned)
      throws SQLException, IOException {
    byte[] bytes = row.getBytes(1);
    // Bytes may be missing where a path leads to a file elsewhere; that is a bad picture.
    extents.add(pictures.append(new ByteArrayInputStream(bytes == null ? new byte[0] : bytes)));
    if (labelled) {
      String label = row.getString(2);
      if (label == null) {
        throw new SfumatoException(name(size() - 1) + ": no label");
      }
      labels.add(label);
    }
    if (captioned) {
      String caption = row.getString(3);
      captions.add(caption == null ? "" : caption);
    }
  }

  private static String oneLine(SQLException e) {
    return e.getMessage().lines().findFirst().orElse("no reason given");
  }

  @Override
  public String origin() {
    return origin;
  }

  @Override
  public int size() {
    return extents.size();
  }

  @Override
  public String name(int index) {
    Map.Entry<Integer, Path> file = files.floorEntry(index);
    return String.format(Locale.ROOT, "%s, row %d", file.getValue(), index - file.getKey() + 1);
  }

  @Override
  public byte[] read(int index) {
    return pictures.read(extents.get(index), name(index));
  }

  @Override
  public Annotations annotations() {
    requireAllOrNone(labels, "label");
    requireAllOrNone(captions, "caption");
    Annotations texts = Annotations.NONE.withCaptions(captions);
    if (labels.isEmpty()) {
      return texts;
    }
    return numbered
        ? texts.withClasses(
            labels.stream().mapToInt(Integer::parseInt).toArray(), classNames, origin)
        : texts.withClasses(labels);
  }

  private void requireAllOrNone(List<String> values, String column) {
    if (!values.isEmpty() && values.size() != size()) {
      throw new SfumatoException(origin + ": not all files have a column '" + column + "'");
    }
  }
}
