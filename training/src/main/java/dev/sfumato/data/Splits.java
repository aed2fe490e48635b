package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions.Split;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The splits of files, told by names as in the {@code datasets} library: a word such as {@code
 * train} or {@code val}, between the name's ends, dots, dashes, underscores, blanks and digits, in
 * the name of a folder ({@code train/cat/1.png}, {@code val2017/1.png}) or, if no folder has such a
 * name, of the file ({@code train-00000-of-00002.parquet}). Case does not matter. If no name tells
 * a split, all files are for training; if none tells of training, the files in no split are.
 */
final class Splits {
  private static final EnumMap<Split, Pattern> WORDS =
      new EnumMap<>(
          Map.of(
              Split.TRAIN, word("train|training"),
              Split.VALIDATION, word("validation|valid|dev|val"),
              Split.TEST, word("test|testing|eval|evaluation")));

  private final List<String> names;
  private final boolean byFolder;
  private final Set<Split> named; // the splits that names tell

  /**
   * The place of a file among the splits.
   *
   * @param split empty for a file of none
   * @param above the folders above its split's folder, with a slash at the end; empty without one
   * @param inside its name relative to the split's folder or, without one, to the root
   */
  private record Place(Optional<Split> split, String above, String inside) {}

  /** Sorts files by their names. */
  Splits(List<String> names) {
    this.names = names;
    Set<Split> folders = told(names, Splits::byFolder);
    byFolder = !folders.isEmpty();
    named = byFolder ? folders : told(names, Splits::byName);
  }

  private static Set<Split> told(List<String> names, Function<String, Place> place) {
    Set<Split> splits = EnumSet.noneOf(Split.class);
    names.forEach(name -> place.apply(name).split().ifPresent(splits::add));
    return splits;
  }

  private static Pattern word(String words) {
    return Pattern.compile(
        "(?:^|[-._ 0-9])(?:" + words + ")(?:$|[-._ 0-9])", Pattern.CASE_INSENSITIVE);
  }

  /** Returns the split after which a folder or a file is named, if any. */
  static Optional<Split> named(String name) {
    return WORDS.keySet().stream()
        .filter(split -> WORDS.get(split).matcher(name).find())
        .findFirst();
  }

  private static Place byFolder(String name) {
    int start = 0;
    for (int slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', start)) {
      Optional<Split> split = named(name.substring(start, slash));
      if (split.isPresent()) {
        return new Place(split, name.substring(0, start), name.substring(slash + 1));
      }
      start = slash + 1;
    }
    return new Place(Optional.empty(), "", name);
  }

  private static Place byName(String name) {
    return new Place(named(name.substring(name.lastIndexOf('/') + 1)), "", name);
  }

  private Place place(String name) {
    return byFolder ? byFolder(name) : byName(name);
  }

  /** Returns the splits that have files. */
  Set<Split> present() {
    Set<Split> present = EnumSet.noneOf(Split.class);
    WORDS.keySet().stream().filter(split -> !files(split).isEmpty()).forEach(present::add);
    return present;
  }

  /** Returns whether a file, present or missing, belongs to a split. */
  boolean isOf(String name, Split split) {
    Optional<Split> unnamed =
        named.contains(Split.TRAIN) ? Optional.empty() : Optional.of(Split.TRAIN);
    return split == Split.ALL || place(name).split().or(() -> unnamed).equals(Optional.of(split));
  }

  /** Returns the files of a split in the given order; empty if there are none. */
  List<String> files(Split split) {
    return names.stream().filter(name -> isOf(name, split)).toList();
  }

  /**
   * Returns the files of a split.
   *
   * @param origin the name of all files in messages
   * @throws SfumatoException if there are none; the message names the present splits
   */
  List<String> require(Split split, String origin) {
    List<String> chosen = files(split);
    if (chosen.isEmpty()) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: no split '%s', only %s: see `split`",
              origin,
              split,
              present().stream().map(Split::toString).collect(Collectors.joining(" and "))));
    }
    return chosen;
  }

  /**
   * Returns the class that each picture's folder names: the first folder inside its split's folder
   * or, if a picture has none, the first above it ({@code cat/train/1.png}). A single folder above
   * all pictures is not a class.
   *
   * @param files some files of the split
   * @return the class by file; empty if folders name no classes
   */
  Map<String, String> classes(List<String> files, Split split) {
    Map<String, String> within = firstFolders(files, name -> place(name).inside());
    if (!within.isEmpty()) {
      return within;
    }
    // With `all`, if some pictures are in no split, a folder with a split's name may be a class.
    boolean classesToo =
        split == Split.ALL && files.stream().anyMatch(name -> place(name).split().isEmpty());
    Map<String, String> above =
        firstFolders(files, name -> classesToo ? name : place(name).above());
    return Set.copyOf(above.values()).size() > 1 ? above : Map.of();
  }

  /** Returns the first folders; archives do not count, as they are parts of a data set. */
  private static Map<String, String> firstFolders(
      List<String> files, Function<String, String> path) {
    Map<String, String> folders = new HashMap<>();
    for (String file : files) {
      String[] parts = path.apply(file).split("/", -1);
      Arrays.stream(parts, 0, parts.length - 1)
          .filter(part -> !EntryNames.isArchive(part))
          .findFirst()
          .ifPresent(folder -> folders.put(file, folder));
    }
    return folders.size() == files.size() ? folders : Map.of();
  }

  /** Returns the number of files in no split. */
  int ofNone() {
    return (int)
        names.stream()
            .filter(name -> named.contains(Split.TRAIN) && place(name).split().isEmpty())
            .count();
  }
}
