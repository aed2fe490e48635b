package dev.sfumato.springai;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.DrawingQueue;
import dev.sfumato.sampling.SamplingOptions;
import io.micrometer.observation.ObservationRegistry;
import java.awt.image.BufferedImage;
import java.util.Base64;
import java.util.List;
import org.springframework.ai.content.Media;
import org.springframework.ai.image.Image;
import org.springframework.ai.image.ImageGeneration;
import org.springframework.ai.image.ImageMessage;
import org.springframework.ai.image.ImageModel;
import org.springframework.ai.image.ImagePrompt;
import org.springframework.ai.image.ImageResponse;
import org.springframework.ai.image.ImageResponseMetadata;
import org.springframework.ai.image.observation.DefaultImageModelObservationConvention;
import org.springframework.ai.image.observation.ImageModelObservationContext;
import org.springframework.ai.image.observation.ImageModelObservationConvention;
import org.springframework.ai.image.observation.ImageModelObservationDocumentation;

/**
 * An image model of Spring AI that draws with a text-to-image model in this process.
 *
 * <pre>{@code
 * ImageResponse response =
 *     model.call(
 *         new ImagePrompt(
 *             List.of(new ImageMessage("a face"), new ImageMessage("glasses", -1f)),
 *             SfumatoImageOptions.builder().n(2).steps(25).build()));
 * byte[] png = Base64.getDecoder().decode(response.getResult().getOutput().getB64Json());
 * }</pre>
 *
 * <p>Texts of {@linkplain ImageMessage#getWeight messages} are joined by commas; those with a
 * negative weight say what no picture should show. A {@link Media} is the picture to start from,
 * and one named {@value #MASK} is white or transparent where that picture is drawn anew.
 *
 * <p>Pictures come as PNG in {@link Image#getB64Json}. The metadata of the response has the seed
 * under {@link #SEED}: the same prompt and options with this seed draw the same pictures again.
 *
 * <p>Any number of threads may call; one drawing runs at a time. Errors are {@link
 * SfumatoException}s of one line.
 */
public final class SfumatoImageModel implements ImageModel, AutoCloseable {
  /** The key of the seed, a {@code Long}, in the metadata of a response. */
  public static final String SEED = "seed";

  /** The name of the {@link Media} that is a mask. */
  public static final String MASK = "mask";

  private static final ImageModelObservationConvention CONVENTION =
      new DefaultImageModelObservationConvention();

  private final DrawingQueue queue;
  private final SfumatoImageOptions defaults;
  private final ObservationRegistry observations;

  /**
   * Makes a model that nobody observes.
   *
   * @param pipeline draws from texts; the model frees it when it is closed
   * @param defaults for all that a prompt's options leave open
   * @throws SfumatoException if the pipeline does not draw from texts, or an option does not fit
   *     it; the pipeline stays open then
   */
  public SfumatoImageModel(DiffusionPipeline pipeline, SfumatoImageOptions defaults) {
    this(pipeline, defaults, ObservationRegistry.NOOP);
  }

  /**
   * @param pipeline draws from texts; the model frees it when it is closed
   * @param defaults for all that a prompt's options leave open
   * @param observations where each call is reported, as Spring AI's own models do
   * @throws SfumatoException if the pipeline does not draw from texts, or an option does not fit
   *     it; the pipeline stays open then
   */
  public SfumatoImageModel(
      DiffusionPipeline pipeline, SfumatoImageOptions defaults, ObservationRegistry observations) {
    this.queue = new DrawingQueue(pipeline);
    this.defaults = defaults;
    this.observations = observations;
    queue.require(Drawing.of(new ImagePrompt(""), defaults).options());
  }

  /**
   * Draws pictures.
   *
   * @throws SfumatoException if the prompt or its options do not fit the model
   */
  @Override
  public ImageResponse call(ImagePrompt prompt) {
    Drawing drawing = Drawing.of(prompt, defaults);
    ImageModelObservationContext context =
        ImageModelObservationContext.builder()
            .imagePrompt(new ImagePrompt(prompt.getInstructions(), drawing.asked()))
            .provider("sfumato")
            .build();
    return ImageModelObservationDocumentation.IMAGE_MODEL_OPERATION
        .observation(null, CONVENTION, () -> context, observations)
        .observe(
            () -> {
              context.setResponse(draw(drawing));
              return context.getResponse();
            });
  }

  private ImageResponse draw(Drawing drawing) {
    SamplingOptions options = drawing.options();
    ImageResponseMetadata metadata = new ImageResponseMetadata();
    metadata.put(SEED, options.seed());
    List<ImageGeneration> results =
        queue.draw(options, drawing.asked().loras()).stream()
            .map(SfumatoImageModel::generation)
            .toList();
    return new ImageResponse(results, metadata);
  }

  private static ImageGeneration generation(BufferedImage picture) {
    return new ImageGeneration(
        new Image(null, Base64.getEncoder().encodeToString(Png.encode(picture))));
  }

  /** Frees the model after the drawing that runs. */
  @Override
  public void close() {
    queue.close();
  }
}
