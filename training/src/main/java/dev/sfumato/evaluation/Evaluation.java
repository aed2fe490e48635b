package dev.sfumato.evaluation;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Datasets;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.picture.Pixels;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The pictures that a model draws, or those of a data set, and what can be measured of them. {@code
 * sfumato evaluate} does the same.
 *
 * <pre>{@code
 * try (PixelPipeline model = PixelPipeline.load(Path.of("models/mnist"));
 *     PictureClassifier digits = PictureClassifier.digits();
 *     Scope scope = Scope.open()) {
 *   SamplingOptions options = SamplingOptions.defaults().withCount(1000);
 *   Evaluation drawn = Evaluation.ofModel(model, options, Sampler.Listener.NONE);
 *   System.out.println(drawn.classes(digits).share());
 * }
 * }</pre>
 */
public final class Evaluation {
  private final Supplier<Stream<Pixels>> pictures;
  private final Function<PictureClassifier, ClassReport> classes;

  private Evaluation(
      Supplier<Stream<Pixels>> pictures, Function<PictureClassifier, ClassReport> classes) {
    this.pictures = pictures;
    this.classes = classes;
  }

  /**
   * Measures the pictures of a data set: the test pictures, if there are any.
   *
   * @param data the name or path, in a form that {@link Datasets#open} accepts
   */
  public static Evaluation ofPictures(String data) {
    return ofPictures(data, Datasets.measured(data));
  }

  /** Measures one split of a data set, see {@link #ofPictures(String)}. */
  public static Evaluation ofPictures(String data, DataOptions.Split split) {
    return new Evaluation(
        () -> Datasets.pictures(data, split), reader -> ClassReport.of(data, split, reader));
  }

  /**
   * Draws pictures with a model and measures them. They belong to the current scope.
   *
   * @param options completed as by {@link #completed}
   * @throws SfumatoException if the model draws neither gray nor RGB pictures, or the options do
   *     not fit it
   */
  public static Evaluation ofModel(
      PixelPipeline model, SamplingOptions options, Sampler.Listener listener) {
    ClassConditionedUNet denoiser = model.denoiser();
    SamplingOptions complete = completed(model, options);
    Tensor images = model.sample(complete, listener);
    int[] asked = asked(denoiser, complete);
    return new Evaluation(
        () -> PictureSummary.pictures(images),
        reader -> {
          reader.requireSuits(denoiser);
          return ClassReport.of(reader.card().classNames(), asked, reader.read(images));
        });
  }

  /**
   * Returns {@code options} with all open settings decided by the model. If they name no classes,
   * the model's classes are drawn in turn.
   *
   * @throws SfumatoException if the model draws neither gray nor RGB pictures, or the options do
   *     not fit it
   */
  public static SamplingOptions completed(PixelPipeline model, SamplingOptions options) {
    int channels = model.pictureChannels();
    if (channels != 1 && channels != 3) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the model draws pictures with %d channels: only gray and RGB ones can be measured",
              channels));
    }
    int known = model.denoiser().conditioning().numClasses();
    return model.completed(
        options.classes().isEmpty()
            ? options.withLabels(
                IntStream.range(0, Math.min(known, options.count())).asLongStream().toArray())
            : options);
  }

  /** Returns the label that each picture should show. */
  private static int[] asked(ClassConditionedUNet denoiser, SamplingOptions options) {
    List<String> given = options.classes();
    return IntStream.range(0, given.isEmpty() ? 0 : options.count())
        .map(i -> (int) denoiser.conditioning().label(given.get(i % given.size())))
        .toArray();
  }

  /**
   * Counts how many pictures show the requested class, or the class of their folder.
   *
   * @throws SfumatoException if the pictures have no classes, or the classifier does not know them
   */
  public ClassReport classes(PictureClassifier reader) {
    return classes.apply(reader);
  }

  /** Returns the number, the sizes and the brightness of the pictures. */
  public PictureSummary summary() {
    return PictureSummary.of(pictures.get());
  }

  /**
   * Returns the distribution of the pictures' image vectors, in the current scope; two of these
   * have a {@linkplain FeatureStatistics#distanceTo Fréchet distance}.
   *
   * @throws SfumatoException if there are fewer than 2 pictures
   */
  public FeatureStatistics features(ClipModel clip) {
    return FeatureStatistics.of(clip, pictures.get());
  }
}
