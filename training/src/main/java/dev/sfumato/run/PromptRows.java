package dev.sfumato.run;

import dev.sfumato.chart.HtmlReport;
import dev.sfumato.picture.Pictures;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows of the report: for each text its pictures over the steps, cut out of the sample grids.
 *
 * @param prompts the text of each picture of a grid; of equal ones the first is shown, unless they
 *     complete different pictures
 * @param rows the number of rows of a grid
 * @param completed whether they are pictures of the data of which a part is drawn anew
 */
record PromptRows(List<String> prompts, int rows, boolean completed) {
  private static final int GAP = 2;

  /**
   * Returns a picture for each text, with a column for each grid.
   *
   * @param grids of equal size, from left to right
   */
  List<HtmlReport.Picture> of(List<BufferedImage> grids) {
    List<List<BufferedImage>> columns =
        grids.stream().map(grid -> Pictures.cut(grid, prompts.size(), rows)).toList();
    List<HtmlReport.Picture> shown = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      int place = i;
      if (completed || prompts.indexOf(prompts.get(i)) == i) {
        shown.add(
            HtmlReport.Picture.of(
                row(columns.stream().map(pictures -> pictures.get(place)).toList()),
                prompts.get(i)));
      }
    }
    return shown;
  }

  private static BufferedImage row(List<BufferedImage> pictures) {
    int width = pictures.get(0).getWidth() + GAP;
    BufferedImage row =
        new BufferedImage(
            pictures.size() * width - GAP,
            pictures.get(0).getHeight(),
            BufferedImage.TYPE_INT_ARGB);
    Graphics2D canvas = row.createGraphics();
    for (int i = 0; i < pictures.size(); i++) {
      canvas.drawImage(pictures.get(i), i * width, 0, null);
    }
    canvas.dispose();
    return row;
  }
}
