package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.ContentHash;
import dev.sfumato.picture.PictureHeader;
import dev.sfumato.picture.Size;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A report on pictures before any is decoded: missing captions, copies, sizes and crops. It reads
 * the beginnings of the files, and all of those that may be copies.
 *
 * @param pictures those whose size is known, in order
 * @param unknown the names of files without a readable header; they may be damaged
 * @param uncaptioned the names of the pictures without a caption, if some have one or all need one
 * @param copies groups of names of files with the same content
 * @param repeated the names of files that the metadata name more than once
 * @param leftOut the names of links that lead nowhere, and of pictures in formats that are not read
 * @param buckets the sizes that pictures get; empty if they become squares
 */
public record Survey(
    List<Found> pictures,
    List<String> unknown,
    List<String> uncaptioned,
    List<List<String>> copies,
    List<String> repeated,
    List<String> leftOut,
    Optional<Buckets> buckets) {

  /**
   * A picture.
   *
   * @param name a path, or a file and a row
   * @param frame how it gets its size for training
   * @param repeats how often an epoch takes it
   */
  public record Found(String name, Frame frame, int repeats) {}

  /** A file: its size, if it is known, and a hash of its length and its first bytes. */
  private record Look(Optional<Size> size, String hash, boolean whole) {}

  /** Looks at the pictures of a source. */
  static Survey of(PictureSource source, DataOptions options) {
    List<Look> looks = looks(source, options.threads());
    List<Size> sizes = looks.stream().flatMap(look -> look.size().stream()).toList();
    Optional<Buckets> buckets = Buckets.chosen(options, sizes);
    Annotations annotations = source.annotations();
    boolean captioned = options.texts().required() || !annotations.captions().isEmpty();
    return new Survey(
        IntStream.range(0, source.size())
            .filter(i -> looks.get(i).size().isPresent())
            .mapToObj(
                i ->
                    new Found(
                        source.name(i),
                        options.frame(looks.get(i).size().get(), buckets),
                        annotations.repeatsOf(i)))
            .toList(),
        names(source, IntStream.range(0, source.size()).filter(i -> looks.get(i).size().isEmpty())),
        captioned && options.texts().prompt().isEmpty()
            ? names(source, Captions.missing(annotations, source.size()))
            : List.of(),
        copies(source, looks),
        repeated(source),
        source.leftOut(),
        buckets);
  }

  private static List<String> names(PictureSource source, IntStream pictures) {
    return pictures.mapToObj(source::name).toList();
  }

  private static List<Look> looks(PictureSource source, int threads) {
    ForkJoinPool pool = new ForkJoinPool(threads);
    try {
      return pool.submit(
              () ->
                  IntStream.range(0, source.size())
                      .parallel()
                      .mapToObj(index -> look(source, index))
                      .toList())
          .join();
    } finally {
      pool.shutdownNow();
    }
  }

  private static Look look(PictureSource source, int index) {
    try {
      Beginning begin = source.begin(index);
      Optional<Size> size = PictureHeader.size(begin.bytes(), begin.isWhole());
      if (size.isEmpty() && !begin.isWhole()) { // a long preview or profile comes first
        size = PictureHeader.size(source.read(index), true);
      }
      return new Look(
          size, begin.length() + " " + ContentHash.sha256(begin.bytes()), begin.isWhole());
    } catch (SfumatoException e) {
      return new Look(Optional.empty(), "", true); // decoding will name the fault
    }
  }

  private static List<List<String>> copies(PictureSource source, List<Look> looks) {
    return groups(IntStream.range(0, looks.size()).boxed().toList(), i -> looks.get(i).hash())
        .filter(group -> looks.get(group.get(0)).size().isPresent())
        .flatMap(
            group ->
                looks.get(group.get(0)).whole()
                    ? Stream.of(group)
                    : groups(group, i -> ContentHash.sha256(source.read(i))))
        .map(group -> group.stream().map(source::name).distinct().toList())
        .filter(group -> group.size() > 1)
        .toList();
  }

  private static List<String> repeated(PictureSource source) {
    Set<String> seen = new HashSet<>();
    return names(source, IntStream.range(0, source.size()).filter(i -> !seen.add(source.name(i))))
        .stream()
        .distinct()
        .toList();
  }

  /** Groups pictures of one key; those that are alone are left out. */
  private static Stream<List<Integer>> groups(
      List<Integer> pictures, Function<Integer, String> key) {
    Map<String, List<Integer>> groups =
        pictures.stream()
            .collect(Collectors.groupingBy(key, LinkedHashMap::new, Collectors.toList()));
    return groups.values().stream().filter(group -> group.size() > 1);
  }

  /** Returns the picture of the fewest pixels, if the size of any is known. */
  public Optional<Found> smallest() {
    return pictures.stream().min(Comparator.comparing(Survey::area));
  }

  /** Returns the picture of the most pixels, if the size of any is known. */
  public Optional<Found> largest() {
    return pictures.stream().max(Comparator.comparing(Survey::area));
  }

  private static long area(Found picture) {
    return picture.frame().original().area();
  }

  /** Returns the pictures that lose a part to cropping, those that lose most first. */
  public List<Found> cropped() {
    return pictures.stream()
        .filter(picture -> picture.frame().cropped() > 0)
        .sorted(Comparator.comparing((Found p) -> p.frame().cropped()).reversed())
        .toList();
  }

  /** Returns the pictures that are enlarged. */
  public List<Found> enlarged() {
    return pictures.stream().filter(picture -> picture.frame().isEnlarged()).toList();
  }

  /** Returns how many pictures an epoch takes of each size, the most frequent size first. */
  public Map<Size, Integer> sizes() {
    Map<Size, Integer> counts = new LinkedHashMap<>();
    pictures.forEach(p -> counts.merge(p.frame().size(), p.repeats(), Integer::sum));
    Map<Size, Integer> sorted = new LinkedHashMap<>();
    counts.entrySet().stream()
        .sorted(Map.Entry.<Size, Integer>comparingByValue().reversed())
        .forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
    return sorted;
  }

  /**
   * Returns the findings in words, a line for each kind.
   *
   * @param batchSize buckets with fewer pictures are named
   */
  public List<String> lines(int batchSize) {
    return new SurveyLines(this, batchSize).all();
  }
}
