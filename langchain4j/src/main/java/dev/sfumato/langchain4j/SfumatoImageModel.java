package dev.sfumato.langchain4j;

import dev.langchain4j.data.image.Image;
import dev.langchain4j.model.image.ImageModel;
import dev.langchain4j.model.output.Response;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.DrawingQueue;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import java.awt.image.BufferedImage;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * An image model of LangChain4j that draws with a text-to-image model in this process.
 *
 * <pre>{@code
 * try (SfumatoImageModel model =
 *     SfumatoImageModel.builder(DiffusionPipeline.load("models/faces-sd")).steps(25).build()) {
 *   Image face = model.generate("a face with green hair").content();
 * }
 * }</pre>
 *
 * <p>Pictures come as PNG in {@link Image#base64Data}. {@link Response#metadata} has the seed under
 * {@link #SEED}: a model with this seed and the same other settings draws the same pictures again.
 *
 * <p>Any number of threads may call; one drawing runs at a time. Errors are {@link
 * SfumatoException}s of one line.
 */
public final class SfumatoImageModel implements ImageModel, AutoCloseable {
  /** The key of the seed, a {@code Long}, in the metadata of a response. */
  public static final String SEED = "seed";

  private final DrawingQueue queue;
  private final SamplingOptions options;
  private final TextOptions text;
  private final OptionalLong seed;
  private final OptionalDouble strength;

  private SfumatoImageModel(Builder settings) {
    queue = new DrawingQueue(settings.pipeline);
    options = settings.options;
    text = settings.text;
    seed = settings.seed;
    strength = settings.strength;
    queue.require(with(""));
  }

  /**
   * Begins the settings of a model.
   *
   * @param pipeline draws from texts; the model frees it when it is closed
   */
  public static Builder builder(DiffusionPipeline pipeline) {
    return new Builder(pipeline);
  }

  /** Draws a picture of {@code prompt}. */
  @Override
  public Response<Image> generate(String prompt) {
    return first(draw(with(prompt)));
  }

  /**
   * Draws pictures of {@code prompt}, all with one seed.
   *
   * @param n their number, at least 1
   */
  @Override
  public Response<List<Image>> generate(String prompt, int n) {
    return draw(with(prompt).withCount(n));
  }

  /**
   * Changes a picture (img2img).
   *
   * @param image as base64 data: JPEG, PNG, GIF, BMP or WebP
   */
  @Override
  public Response<Image> edit(Image image, String prompt) {
    return first(draw(changing(with(prompt).withPicture(pixels(image, "image")))));
  }

  /**
   * Draws a part of a picture anew (inpainting).
   *
   * @param image as base64 data: JPEG, PNG, GIF, BMP or WebP
   * @param mask of the same shape; white or transparent where the picture is drawn anew, dark where
   *     it stays
   */
  @Override
  public Response<Image> edit(Image image, Image mask, String prompt) {
    return first(
        draw(changing(with(prompt).withInpainting(pixels(image, "image"), pixels(mask, "mask")))));
  }

  /** Frees the model after the drawing that runs. */
  @Override
  public void close() {
    queue.close();
  }

  private SamplingOptions with(String prompt) {
    return options.withText(text.withPrompts(List.of(prompt)));
  }

  private SamplingOptions changing(SamplingOptions started) {
    return strength.isPresent() ? started.withStrength(strength.getAsDouble()) : started;
  }

  private Response<List<Image>> draw(SamplingOptions asked) {
    SamplingOptions seeded =
        seed.isPresent() ? asked.withSeed(seed.getAsLong()) : asked.withNewSeed();
    List<Image> images = queue.draw(seeded).stream().map(SfumatoImageModel::image).toList();
    return Response.from(images, null, null, Map.of(SEED, seeded.seed()));
  }

  private static Response<Image> first(Response<List<Image>> drawn) {
    return Response.from(drawn.content().get(0), null, null, drawn.metadata());
  }

  private static Image image(BufferedImage picture) {
    return Image.builder()
        .base64Data(Base64.getEncoder().encodeToString(Png.encode(picture)))
        .mimeType("image/png")
        .build();
  }

  private static Pixels pixels(Image image, String name) {
    if (image.base64Data() == null) {
      throw new SfumatoException(
          name + ": give its content as base64 data; addresses are not opened");
    }
    try {
      return PictureReader.read(Base64.getDecoder().decode(image.base64Data()), name);
    } catch (IllegalArgumentException e) {
      throw new SfumatoException(name + ": its content is not base64: " + e.getMessage(), e);
    }
  }

  /** The settings of a model. What is not set follows from the model, as on the command line. */
  public static final class Builder {
    private final DiffusionPipeline pipeline;
    private SamplingOptions options = SamplingOptions.defaults();
    private TextOptions text = TextOptions.NONE;
    private OptionalLong seed = OptionalLong.empty();
    private OptionalDouble strength = OptionalDouble.empty();

    private Builder(DiffusionPipeline pipeline) {
      this.pipeline = pipeline;
    }

    /** Sets the seed of every call; by default each call has a new one. */
    public Builder seed(long seed) {
      this.seed = OptionalLong.of(seed);
      return this;
    }

    /** Sets the steps of the scheduler. */
    public Builder steps(int steps) {
      options = options.withSteps(steps);
      return this;
    }

    /** Sets the scheduler. */
    public Builder scheduler(SchedulerKind scheduler) {
      options = options.withScheduler(scheduler);
      return this;
    }

    /** Sets the height and width of drawn pictures in pixels. */
    public Builder size(int height, int width) {
      options = options.withSize(height, width);
      return this;
    }

    /** Sets the weight of classifier-free guidance, which is off up to 1. */
    public Builder guidanceScale(double scale) {
      text = text.withGuidanceScale(scale);
      return this;
    }

    /** Sets a text that no picture should show. */
    public Builder negativePrompt(String negative) {
      text = text.withNegative(negative);
      return this;
    }

    /** Sets the change of edited pictures, above 0 to 1, which leaves little of them. */
    public Builder strength(double strength) {
      SamplingOptions.defaults().withStrength(strength); // checks it
      this.strength = OptionalDouble.of(strength);
      return this;
    }

    /** Adds a guide to every drawing. */
    public Builder guide(GuideSpec guide) {
      options = options.withGuide(guide);
      return this;
    }

    /**
     * Makes the model.
     *
     * @throws SfumatoException if the pipeline does not draw from texts, or a setting does not fit
     *     it; the pipeline stays open then
     */
    public SfumatoImageModel build() {
      return new SfumatoImageModel(this);
    }
  }
}
