package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.PackedFile.Extent;
import dev.sfumato.picture.PictureReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The pictures of Parquet files in the layout of the {@code datasets} library: a column of structs
 * with {@code bytes} or the {@code path} of a file beside them, or of bytes or paths alone, and
 * columns of labels and captions. Rows are in the order of the files and of the rows in them. The
 * files are read once from start to end, and the encoded pictures are copied out.
 */
final class ParquetSource implements PictureSource {
  private final String origin;
  private final DataOptions.Columns columns;
  private final PackedFile pictures;
  private final List<Extent> extents = new ArrayList<>();
  private final TreeMap<Integer, Path> files = new TreeMap<>(); // by the number of their first row
  private final List<String> captions = new ArrayList<>();
  private final List<Label> labels = new ArrayList<>();
  private final List<Label> otherLabels = new ArrayList<>(); // of other splits
  private final Map<Integer, String> paths = new HashMap<>(); // of pictures in files of their own
  private final Set<String> others = new LinkedHashSet<>(); // columns that may hold captions
  private List<String> classNames = List.of();
  private boolean numbered;
  private String imageColumn = "";

  private ParquetSource(String origin, DataOptions.Columns columns, PackedFile pictures) {
    this.origin = origin;
    this.columns = columns;
    this.pictures = pictures;
  }

  /**
   * Reads files.
   *
   * @param origin the name of all files in messages
   * @param all the files, including those of other splits
   * @throws SfumatoException if a file is not a Parquet file or lacks a column, or none has rows
   */
  static ParquetSource open(
      String origin, List<Path> files, List<Path> all, DataOptions.Columns columns) {
    try (Connection connection = ParquetFile.connect();
        Statement statement = connection.createStatement()) {
      ParquetSource source = new ParquetSource(origin, columns, PackedFile.temporary());
      for (Path file : files) {
        source.add(file, statement);
      }
      if (source.size() == 0) {
        throw new SfumatoException(origin + ": no rows");
      }
      source.requireSome();
      for (Path file : all) {
        if (!source.labels.isEmpty() && !files.contains(file)) {
          source.addLabels(file, statement);
        }
      }
      return source;
    } catch (IOException e) {
      throw new SfumatoException(
          origin + ": cannot be copied to the folder for temporary files (" + e.getMessage() + ")",
          e);
    } catch (SQLException e) {
      throw new SfumatoException(origin + ": cannot be opened (" + ParquetFile.oneLine(e) + ")", e);
    }
  }

  /** A column of other texts is one fault, not one for each row. */
  private void requireSome() {
    if (paths.size() == size()
        && IntStream.range(0, size()).allMatch(row -> fault(row).isPresent())) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: the column '%s' names no files that are there (%s): choose another `imageColumn`",
              origin,
              imageColumn,
              fault(0).orElseThrow().getMessage()));
    }
  }

  /** Returns whether rows name pictures that lie in files of their own. */
  boolean namesFiles() {
    return !paths.isEmpty();
  }

  /** Returns what is wrong with the path in a row. */
  private Optional<SfumatoException> fault(int row) {
    try {
      beside(row);
      return Optional.empty();
    } catch (SfumatoException e) {
      return Optional.of(e);
    }
  }

  private void add(Path path, Statement statement) throws IOException {
    try {
      ParquetFile file = ParquetFile.open(path, statement);
      String image = file.imageColumn(columns.image());
      imageColumn = image;
      Optional<String> label = file.labelColumn(columns);
      label.ifPresent(column -> requireSameClasses(file, column));
      Optional<String> caption = file.captionColumn(columns);
      files.put(size(), path);
      others.addAll(file.textColumns(image));
      try (ResultSet rows = statement.executeQuery(file.rows(image, label, caption))) {
        while (rows.next()) {
          add(rows, label.isPresent(), caption.isPresent());
        }
      }
    } catch (SQLException e) {
      throw new SfumatoException(path + ": cannot be read (" + ParquetFile.oneLine(e) + ")", e);
    }
  }

  /** Collects the labels of all splits, so that they mean the same in each. */
  private void addLabels(Path path, Statement statement) {
    try {
      ParquetFile file = ParquetFile.open(path, statement);
      Optional<String> label = file.labelColumn(columns);
      if (label.isPresent()) {
        try (ResultSet rows = statement.executeQuery(file.differentValues(label.get()))) {
          while (rows.next()) {
            otherLabels.add(new Label(rows.getString(1), file.isNumbered(label.get())));
          }
        }
      }
    } catch (SQLException e) {
      throw new SfumatoException(path + ": cannot be read (" + ParquetFile.oneLine(e) + ")", e);
    }
  }

  private void requireSameClasses(ParquetFile file, String label) {
    if (size() > 0
        && (numbered != file.isNumbered(label) || !classNames.equals(file.classNames(label)))) {
      throw new SfumatoException(
          file.path() + ": its classes differ from those of the files before it");
    }
    numbered = file.isNumbered(label);
    classNames = file.classNames(label);
  }

  private void add(ResultSet row, boolean labelled, boolean captioned)
      throws SQLException, IOException {
    byte[] bytes = row.getBytes(1);
    String path = row.getString(4);
    if (bytes == null && path != null) {
      paths.put(size(), path);
    }
    extents.add(pictures.append(new ByteArrayInputStream(bytes == null ? new byte[0] : bytes)));
    if (labelled) {
      String label = row.getString(2);
      if (label == null) {
        throw new SfumatoException(name(size() - 1) + ": no label");
      }
      labels.add(new Label(label, numbered));
    }
    if (captioned) {
      String caption = row.getString(3);
      captions.add(caption == null ? "" : caption);
    }
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
    return paths.containsKey(index)
        ? PictureReader.bytes(beside(index))
        : pictures.read(extents.get(index), name(index));
  }

  @Override
  public Beginning begin(int index) {
    return paths.containsKey(index)
        ? FolderFiles.begin(beside(index))
        : pictures.begin(extents.get(index), name(index));
  }

  /**
   * Returns the path of a picture, relative to the table's folder or that of all tables and never
   * outside.
   */
  private Path beside(int index) {
    String path = paths.get(index).replace('\\', '/');
    Path table = files.floorEntry(index).getValue().toAbsolutePath().normalize().getParent();
    Path all = Path.of(origin).toAbsolutePath().normalize();
    Path root = Files.isDirectory(all) ? all : table;
    try {
      return Stream.of(table, root)
          .map(folder -> folder.resolve(path).normalize())
          .filter(file -> file.startsWith(root) && Files.isRegularFile(file))
          .findFirst()
          .orElseThrow(
              () ->
                  new SfumatoException(
                      String.format(
                          Locale.ROOT, "%s: no such file %s in %s", name(index), path, root)));
    } catch (InvalidPathException e) {
      throw new SfumatoException(name(index) + ": the path is not a valid file name", e);
    }
  }

  @Override
  public Annotations annotations() {
    requireAllOrNone(labels, "label");
    requireAllOrNone(captions, "caption");
    Annotations texts = Annotations.NONE.withCaptions(captions);
    if (labels.isEmpty()) {
      return texts;
    }
    List<Label> all = new ArrayList<>(labels);
    all.addAll(otherLabels);
    return texts.withClasses(labels, all, classNames, origin);
  }

  @Override
  public List<String> columns() {
    return List.copyOf(others);
  }

  @Override
  public boolean ofFiles() {
    return false;
  }

  private void requireAllOrNone(List<?> values, String column) {
    if (!values.isEmpty() && values.size() != size()) {
      throw new SfumatoException(origin + ": not all files have a column '" + column + "'");
    }
  }
}
