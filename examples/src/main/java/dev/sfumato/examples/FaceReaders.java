package dev.sfumato.examples;

import dev.sfumato.data.Dataset;
import dev.sfumato.evaluation.ClassifierTraining;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Classifiers that read from the picture of a face what its caption says of it. */
final class FaceReaders implements AutoCloseable {
  static final int SIDE = 64;
  private static final int EPOCHS = 4;
  private static final int STYLE_SHARE = 7;

  /** Questions, and the answer that a caption gives to each: null if it gives none. */
  private static final Map<String, UnaryOperator<String>> ATTRIBUTES = new LinkedHashMap<>();

  static {
    ATTRIBUTES.put("background", caption -> first("(\\w+) background", caption));
    ATTRIBUTES.put(
        "hair",
        caption ->
            caption.contains(" bald ")
                ? "bald"
                : first("\\b(?!the )(\\w+) (?:hair|mohawk|bob)\\b", caption));
    ATTRIBUTES.put("glasses", caption -> caption.contains("glasses") ? "yes" : "no");
  }

  private final CaptionedPictures faces;
  private final Map<String, PictureClassifier> readers = new LinkedHashMap<>();

  /**
   * Reads the faces of data sets and trains a classifier for each attribute on most of them.
   *
   * @param kept the folder where classifiers are kept and found again, or empty
   */
  FaceReaders(List<String> data, Optional<Path> kept) {
    faces =
        CaptionedPictures.read(data, SIDE)
            .where(
                caption -> caption.contains("pixel art face") || caption.contains("cartoon face"));
    ATTRIBUTES.forEach(
        (name, answer) -> {
          Optional<Path> folder = kept.map(all -> all.resolve(name));
          PictureClassifier reader =
              folder
                  .filter(Files::isDirectory)
                  .map(PictureClassifier::load)
                  .orElseGet(() -> trained(faces, answer));
          folder.ifPresent(reader::save);
          System.out.printf(Locale.ROOT, "%s: the classifier %s%n", name, reader.card().summary());
          readers.put(name, reader);
        });
  }

  private static PictureClassifier trained(CaptionedPictures faces, UnaryOperator<String> answer) {
    return new ClassifierTraining(
            Answers.of(faces.training(2), answer), Answers.of(faces.heldOut(2), answer), EPOCHS, 0)
        .run(Device.CPU, "MeasureFaces", (step, loss) -> {});
  }

  /** Returns the style that a caption asks for, such as {@code pixel art}. */
  static String style(String caption) {
    return first("(pixel art|cartoon|ink) face", caption);
  }

  /**
   * Returns a classifier of styles, trained on a new style and as many pictures of the old ones.
   *
   * @param kept the folder where it is kept and found again
   */
  PictureClassifier styles(String data, Path kept) {
    if (Files.isDirectory(kept)) {
      return PictureClassifier.load(kept);
    }
    CaptionedPictures fresh = CaptionedPictures.read(List.of(data, data, data), SIDE);
    CaptionedPictures known =
        faces.where(caption -> Math.floorMod(caption.hashCode(), STYLE_SHARE) == 0);
    PictureClassifier reader = trained(known.with(fresh), FaceReaders::style);
    reader.save(kept);
    System.out.printf(Locale.ROOT, "style: the classifier %s%n", reader.card().summary());
    return reader;
  }

  private static String first(String pattern, String caption) {
    Matcher found = Pattern.compile(pattern).matcher(caption);
    return found.find() ? found.group(1) : null;
  }

  /** Returns the first {@code count} captions of faces that the classifiers never saw. */
  List<String> captions(int count) {
    return faces.heldOut(2).captions().stream().distinct().limit(count).toList();
  }

  /**
   * Reads drawn faces.
   *
   * @param drawn (N, 3, 64, 64) in [-1, 1]
   * @param asked the N captions
   * @return by attribute, whether each face that was asked for it has it
   */
  Map<String, List<Boolean>> read(Tensor drawn, List<String> asked) {
    Map<String, List<Boolean>> right = new LinkedHashMap<>();
    readers.forEach(
        (name, reader) -> {
          int[] read = reader.read(drawn);
          List<Boolean> own = right.computeIfAbsent(name, x -> new ArrayList<>());
          for (int i = 0; i < read.length; i++) {
            String wanted = ATTRIBUTES.get(name).apply(asked.get(i));
            if (wanted != null) {
              own.add(wanted.equals(reader.card().classNames().get(read[i])));
            }
          }
        });
    return right;
  }

  /** Returns the percentage of answers that are right. */
  static double percent(List<Boolean> answers) {
    return 100.0 * answers.stream().filter(is -> is).count() / answers.size();
  }

  @Override
  public void close() {
    readers.values().forEach(PictureClassifier::close);
  }

  /** Pictures with the answers to one question as classes. */
  private record Answers(CaptionedPictures pictures, List<String> classNames, List<String> answers)
      implements Dataset {

    static Answers of(CaptionedPictures all, UnaryOperator<String> answer) {
      CaptionedPictures asked = all.where(caption -> answer.apply(caption) != null);
      List<String> answers =
          asked.captions().stream().map(answer).filter(Objects::nonNull).toList();
      return new Answers(asked, List.copyOf(new TreeSet<>(answers)), answers);
    }

    @Override
    public int size() {
      return answers.size();
    }

    @Override
    public int channels() {
      return pictures.channels();
    }

    @Override
    public int height() {
      return SIDE;
    }

    @Override
    public int width() {
      return SIDE;
    }

    @Override
    public int label(int index) {
      return classNames.indexOf(answers.get(index));
    }

    @Override
    public Pixels pixels(int index) {
      return pictures.pixels(index);
    }
  }
}
