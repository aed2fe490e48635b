package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.AutoencoderFile;
import dev.sfumato.checkpoint.TextEncoderFile;
import dev.sfumato.clip.ClipTextEncoder;
import dev.sfumato.data.Dataset;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Rng;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The trained parts of a new text-to-image model, whose U-Net is to be trained.
 *
 * @param autoencoder a directory with an {@code AutoencoderKL} or a model that has one, or an id of
 *     the Hub
 * @param textEncoder a CLIP model, whose text encoder is taken, or a model directory with one, or
 *     an id of the Hub
 */
public record TextParts(Optional<String> autoencoder, Optional<String> textEncoder) {
  /** No parts: the model is not a text-to-image model. */
  public static final TextParts NONE = new TextParts(Optional.empty(), Optional.empty());

  /** Returns whether a part is named. */
  boolean isGiven() {
    return autoencoder.isPresent() || textEncoder.isPresent();
  }

  /**
   * Returns the side of pictures that the autoencoder maps to latents of {@code latents} pixels.
   */
  int pictureSide(int latents) {
    return latents * AutoencoderFile.config(located(autoencoder, "vae")).reduction();
  }

  /**
   * Makes a model with a new U-Net.
   *
   * @param unet its configuration, which gets the size of the data and the widths of the parts
   * @param seed of its start weights
   * @throws SfumatoException if a part is missing or does not suit the others
   */
  StableDiffusionPipeline create(
      UNet2DConditionConfig unet, SchedulerConfig scheduler, Dataset dataset, long seed) {
    try (Construction made = Construction.begin();
        Rng random = new Rng(seed)) {
      AutoencoderKL vae = AutoencoderFile.load(located(autoencoder, "vae"));
      ClipTextEncoder texts = TextEncoderFile.load(located(textEncoder, "textEncoder"));
      int reduction = vae.config().reduction();
      int latents = vae.config().latentChannels();
      int withMask = 2 * latents + 1; // an inpainting model also reads a mask and a known part
      List<Integer> size = List.of(dataset.height() / reduction, dataset.width() / reduction);
      UNet2DConditionModel network =
          new UNet2DConditionModel(
              unet.with("sample_size", size.get(0).equals(size.get(1)) ? size.get(0) : size)
                  .with("in_channels", unet.inChannels() == withMask ? withMask : latents)
                  .with("out_channels", latents)
                  .with("cross_attention_dim", texts.model().config().transformer().width()));
      network.reset(random);
      StableDiffusionPipeline pipeline = StableDiffusionPipeline.of(network, vae, texts, scheduler);
      made.complete();
      return pipeline;
    }
  }

  private static Path located(Optional<String> name, String option) {
    return Hub.fromEnvironment()
        .locate(
            name.orElseThrow(
                () ->
                    new SfumatoException(
                        "a new text-to-image model needs trained parts: `vae` and `textEncoder`;"
                            + (" `" + option + "` is missing"))),
            ModelFiles::pipeline,
            ProgressListener.NONE);
  }
}
