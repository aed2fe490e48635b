package dev.sfumato.pipeline;

import dev.sfumato.clip.ClipTextModel;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.Module;
import dev.sfumato.nn.Name;
import java.util.List;

/**
 * The networks of a model that can learn, as one. The weights of the U-Net have their own names,
 * those of the text encoders start with that of their folder.
 */
final class Learners extends Module {
  @Name("")
  private final UNet2DConditionModel unet;

  @Name("text_encoder")
  private final ClipTextModel first;

  @Name("text_encoder_2")
  private final ClipTextModel second;

  Learners(StableDiffusionParts parts) {
    List<TextEncoder> encoders = parts.prompts().encoders();
    unet = parts.unet();
    first = encoders.get(0).model();
    second = encoders.size() > 1 ? encoders.get(1).model() : null;
  }
}
