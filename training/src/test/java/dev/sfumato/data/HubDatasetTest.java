package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.HubFixture;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.picture.Png;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HubDatasetTest extends HubFixture {
  @BeforeEach
  void addPictures() {
    hub.files.clear();
    hub.add("README.md", "# Colours");
    hub.files.put("blue/1.png", picture(0x2030c0));
    hub.files.put("red/1.png", picture(0xc03020));
    hub.files.put("red/2.png", picture(0xd04030));
  }

  private static byte[] picture(int rgb) {
    BufferedImage image = new BufferedImage(6, 4, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 24; i++) {
      image.setRGB(i % 6, i / 6, rgb);
    }
    return Png.encode(image);
  }

  private Dataset open(Hub from) {
    Path folder = Datasets.download("hf:org/name", from, ProgressListener.NONE);
    return Datasets.open(folder.toString(), DataOptions.defaults().withResolution(4));
  }

  @Test
  void picturesComeWithTheirClasses() {
    Dataset dataset = open(online());
    assertThat(dataset.size()).isEqualTo(3);
    assertThat(dataset.classNames()).containsExactly("blue", "red").inOrder();
    assertThat(dataset.label(2)).isEqualTo(1);
    assertThat(dataset.pixels(0).at(2, 1, 1)).isEqualTo(0xc0);
    assertThat(String.join("\n", hub.requests)).contains("/datasets/org/name/resolve/");
    assertThat(String.join("\n", hub.requests)).doesNotContain("README");
  }

  @Test
  void theCacheDoesWithoutTheHub() {
    open(online());
    hub.close();
    assertThat(open(offline()).size()).isEqualTo(3);
  }

  @Test
  void tellsHowFarItIs() {
    List<Long> done = new ArrayList<>();
    Datasets.download("hf:org/name", online(), (bytes, all) -> done.add(bytes));
    long all = hub.files.get("blue/1.png").length * 3L;
    assertThat(done).isInOrder();
    assertThat(done.get(done.size() - 1)).isWithin(20).of(all);
  }

  @Test
  void refusesARepositoryWithoutPictures() {
    hub.files.keySet().removeIf(name -> name.endsWith("png"));
    assertThat(failure("hf:org/name")).contains("no Parquet files and no pictures");
    assertThat(failure("hf:org/other")).contains("org/other");
    assertThat(failure("hf:a/b/c")).contains("not hf:org/name");
    assertThat(failure("org/name")).contains("not hf:org/name");
  }

  private String failure(String data) {
    return assertThrows(
            SfumatoException.class, () -> Datasets.download(data, online(), ProgressListener.NONE))
        .getMessage();
  }
}
