package dev.sfumato.nn;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.model.UNet2DModel;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** A network that is not completed leaves nothing behind. */
class ConstructionTest {
  // Weights that need a terabyte, after others, which nobody touches.
  private static final String TABLE = "'block_out_channels': [65536], 'num_class_embeds': 1000000";

  private static void assertLeavesNothing(Executable construction) {
    long before = Scope.liveTensors();
    assertThrows(SfumatoException.class, construction);
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  /** A network takes memory when it is filled. */
  private static void assertFreesAll(Supplier<Module> network) {
    assertLeavesNothing(
        () -> {
          try (Construction parts = Construction.begin();
              Rng random = new Rng(0)) {
            network.get().reset(random);
            parts.complete();
          }
        });
  }

  private static <T> T config(Class<T> type, String json) {
    return JsonFile.MAPPER.convertValue(JsonFile.value(json.replace('\'', '"')), type);
  }

  @Test
  void networks() {
    String unet =
        "{'sample_size': 8, 'layers_per_block': 1, "
            + TABLE
            + ", 'down_block_types': ['DownBlock2D'], 'up_block_types': ['UpBlock2D']}";
    UNet2DConfig pixels = config(UNet2DConfig.class, unet);
    assertFreesAll(() -> new UNet2DModel(pixels));
    assertFreesAll(() -> new ClassConditionedUNet(pixels, ClassConditioning.NONE));
    assertFreesAll(() -> new UNet2DConditionModel(config(UNet2DConditionConfig.class, unet)));
    assertFreesAll(
        () ->
            new AutoencoderKL(
                config(
                    AutoencoderKLConfig.class,
                    "{'block_out_channels': [65536], "
                        + "'down_block_types': ['DownEncoderBlock2D'],"
                        + " 'up_block_types': ['UpDecoderBlock2D']}")));
  }

  @Test
  void partsOfPartsAreFreedAndFinishedNetworksStay() {
    long before = Scope.liveTensors();
    Linear outside = new Linear(2, 2);
    assertThrows(
        IllegalStateException.class,
        () -> {
          try (Construction parts = Construction.begin()) {
            new Linear(2, 2);
            try (Construction inner = Construction.begin()) {
              new Linear(3, 3);
              inner.complete();
            }
            Scope.release(Tensor.zeros(1));
            throw new IllegalStateException();
          }
        });
    assertThat(Scope.liveTensors()).isEqualTo(before + 2);
    outside.close();
  }
}
