package dev.sfumato.model;

import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** A level of an autoencoder: residual blocks, then a layer that halves or doubles, or none. */
final class AutoencoderLevel extends Module {
  private final List<ResnetBlock> resnets = new ArrayList<>();
  private final List<Resampler> downsamplers;
  private final List<Resampler> upsamplers;

  private AutoencoderLevel(
      Layers layers, int in, int out, List<Resampler> halving, List<Resampler> doubling) {
    for (int i = 0; i < layers.count(); i++) {
      resnets.add(layers.resnet(i == 0 ? in : out, out));
    }
    downsamplers = halving;
    upsamplers = doubling;
  }

  /** A level of the encoder. */
  static AutoencoderLevel down(Layers layers, int in, int out, boolean halves) {
    return new AutoencoderLevel(
        layers,
        in,
        out,
        halves ? List.of(new Resampler.HalvingConv(out, 0)) : List.of(),
        List.of());
  }

  /** A level of the decoder. */
  static AutoencoderLevel up(Layers layers, int in, int out, boolean doubles) {
    return new AutoencoderLevel(
        layers, in, out, List.of(), doubles ? List.of(new Resampler.DoublingConv(out)) : List.of());
  }

  /** Features (B, in, H, W) to (B, out, H, W), or half or double that. Frees {@code x}. */
  Tensor forward(Tensor x) {
    Tensor h = x;
    for (ResnetBlock resnet : resnets) {
      try (Tensor before = h) {
        h = layer(resnet, before);
      }
    }
    for (List<Resampler> resamplers : List.of(downsamplers, upsamplers)) {
      for (Resampler resampler : resamplers) {
        try (Tensor before = h) {
          h = layer(resampler, before);
        }
      }
    }
    return h;
  }

  private Tensor layer(Resampler layer, Tensor x) {
    return Scope.run(() -> checkpointed(in -> layer.forward(in.get(0), Told.NOTHING), x));
  }
}
