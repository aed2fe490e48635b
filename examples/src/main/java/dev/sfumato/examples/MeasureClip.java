package dev.sfumato.examples;

import dev.sfumato.clip.ClipModel;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Measures a CLIP model on the captions that {@link TrainClip} held out. */
public final class MeasureClip {
  /** The choices of zero-shot classification: texts with one of the words in place of "%s". */
  private static final Map<String, List<String>> ATTRIBUTES = new LinkedHashMap<>();

  static {
    ATTRIBUTES.put(
        "%s hair", words("black brown blond red gray white blue green pink purple orange"));
    ATTRIBUTES.put("%s background", words("white gray blue green yellow pink purple orange"));
    ATTRIBUTES.put("%s skin", words("light tan dark"));
    ATTRIBUTES.put("%s eyes", words("blue green brown"));
    ATTRIBUTES.put("%s glasses", words("black red blue"));
    ATTRIBUTES.put("%s earrings", words("gold silver"));
    ATTRIBUTES.put("%s shirt", words("red orange yellow green blue purple pink white black gray"));
    ATTRIBUTES.put("a %s pixel art face", words("smiling frowning"));
  }

  /** Things that are present or absent. */
  private static final List<String> PRESENT =
      List.of("glasses", "a beard", "a mustache", "earrings", "an open mouth", "the tongue out");

  private final ClipModel clip;
  private final List<String> captions;
  private final List<List<String>> phrases;
  private final Tensor images;

  private MeasureClip(ClipModel clip, CaptionedPictures pictures) {
    this.clip = clip;
    this.captions = pictures.captions();
    this.phrases = captions.stream().map(CaptionedPictures::phrases).toList();
    this.images = clip.encodeImage(clip.preprocess(pictures.pixels()));
  }

  private static List<String> words(String text) {
    return List.of(text.split(" "));
  }

  /** Measures; the arguments are the model's directory and data sets with captions. */
  public static void main(String[] args) {
    if (args.length < 2) {
      System.err.println("usage: examples/run MeasureClip DIRECTORY DATA...");
      System.exit(2);
    }
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        ClipModel clip = ClipModel.load(Path.of(args[0]))) {
      CaptionedPictures pictures =
          CaptionedPictures.read(List.of(args).subList(1, args.length), clip.imageSize())
              .heldOut(1);
      MeasureClip measure = new MeasureClip(clip, firstOfEach(pictures));
      measure.retrieval();
      ATTRIBUTES.forEach(measure::zeroShot);
      PRESENT.forEach(measure::presence);
    }
  }

  /** Returns one picture for each caption, so that only one answer is right. */
  private static CaptionedPictures firstOfEach(CaptionedPictures all) {
    Set<String> seen = new HashSet<>();
    return all.where(seen::add);
  }

  /** Returns the cosines (N, M) of the pictures and {@code texts}. */
  private Tensor cosines(List<String> texts) {
    return Functional.matmul(images, clip.encodeText(texts).transpose(0, 1));
  }

  /** Measures how often the right text is the first, or among the first five, for its picture. */
  private void retrieval() {
    Tensor cosines = cosines(captions);
    System.out.printf(Locale.ROOT, "held-out pairs: %d%n", captions.size());
    print("picture to text", cosines);
    print("text to picture", cosines.transpose(0, 1));
  }

  private static void print(String name, Tensor cosines) {
    int n = (int) cosines.size(0);
    float[] all = cosines.toFloats();
    int[] ranks =
        IntStream.range(0, n)
            .map(
                i ->
                    (int)
                        IntStream.range(0, n).filter(j -> all[i * n + j] > all[i * n + i]).count())
            .toArray();
    System.out.printf(
        Locale.ROOT,
        "%-24s top-1 %5.1f %%  top-5 %5.1f %%%n",
        name,
        percent(IntStream.of(ranks).filter(rank -> rank < 1).count(), n),
        percent(IntStream.of(ranks).filter(rank -> rank < 5).count(), n));
  }

  private static double percent(long part, long whole) {
    return 100.0 * part / whole;
  }

  /**
   * Measures how often the true text of a picture scores highest among its kind, and how often the
   * most frequent answer would be right.
   */
  private void zeroShot(String pattern, List<String> words) {
    List<String> texts =
        words.stream().map(word -> String.format(Locale.ROOT, pattern, word)).toList();
    long[] best = cosines(texts).argmax(1).toLongs();
    int[] asked =
        IntStream.range(0, best.length)
            .filter(i -> texts.stream().anyMatch(text -> holds(text, i)))
            .toArray();
    long commonest =
        texts.stream()
            .mapToLong(text -> IntStream.of(asked).filter(i -> holds(text, i)).count())
            .max()
            .orElse(0);
    long right = IntStream.of(asked).filter(i -> holds(texts.get((int) best[i]), i)).count();
    System.out.printf(
        Locale.ROOT,
        "%-24s %5.1f %% of %d (always the same: %.1f %%)%n",
        String.format(Locale.ROOT, pattern, "<" + words.size() + ">"),
        percent(right, asked.length),
        asked.length,
        percent(commonest, asked.length));
  }

  /**
   * Measures how often a face with it scores higher than a face without it: the area under the ROC
   * curve.
   */
  private void presence(String text) {
    float[] scores = cosines(List.of(text)).toFloats();
    int[] faces =
        IntStream.range(0, scores.length)
            .filter(i -> Stream.of("pixel art", "cartoon").anyMatch(k -> holds(k + " face", i)))
            .toArray();
    int[] with = IntStream.of(faces).filter(i -> holds(text, i)).toArray();
    int[] without = IntStream.of(faces).filter(i -> !holds(text, i)).toArray();
    long higher =
        IntStream.of(with)
            .mapToLong(i -> IntStream.of(without).filter(j -> scores[i] > scores[j]).count())
            .sum();
    System.out.printf(
        Locale.ROOT,
        "%-24s %5.1f %% of pairs of a face with and one without (%d, %d)%n",
        text,
        percent(higher, (long) with.length * without.length),
        with.length,
        without.length);
  }

  private boolean holds(String text, int picture) {
    return CaptionedPictures.holds(CaptionedPictures.phrases(text), phrases.get(picture));
  }
}
