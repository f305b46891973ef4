package geom

import "math"

// VN-2000 / TM-3 107°00' (EPSG:9214): transverse Mercator on the WGS 84
// ellipsoid, central meridian 107°, scale 0.9999, false easting 500 km, after
// the seven-parameter shift between VN-2000 and WGS 84 (EPSG:6960, its angles
// written in the position vector convention). The projection is Krüger's series to the sixth power of n
// (better than a micrometre within 3,000 km of the meridian). Heights are taken
// as zero on either ellipsoid, as two-dimensional transforms do.
const (
	axis       = 6378137.0
	flattening = 1 / 298.257223563
	meridian   = 107.0
	scaleTM    = 0.9999
	falseEast  = 500000.0

	shiftX, shiftY, shiftZ = -191.90441429, -39.30318279, -111.45032835 // m
	turnX, turnY, turnZ    = 0.00928836, -0.01975479, 0.00427372        // arc seconds
	growth                 = 0.252906278e-6

	arcSecond = math.Pi / 180 / 3600
	eccSq     = flattening * (2 - flattening)
	third     = flattening / (2 - flattening) // n
)

// rectifying is the radius of the sphere with the ellipsoid's meridian length.
const rectifying = axis / (1 + third) * (1 + third*third/4 + third*third*third*third/64 + third*third*third*third*third*third/256)

// Krüger's coefficients (Karney 2011, equations 35 and 36), as polynomials in n.
func krugerForward() [6]float64 {
	const n = third
	return [6]float64{
		n * (1./2 + n*(-2./3+n*(5./16+n*(41./180+n*(-127./288+n*7891./37800))))),
		n * n * (13./48 + n*(-3./5+n*(557./1440+n*(281./630-n*1983433./1935360)))),
		n * n * n * (61./240 + n*(-103./140+n*(15061./26880+n*167603./181440))),
		n * n * n * n * (49561./161280 + n*(-179./168+n*6601661./7257600)),
		n * n * n * n * n * (34729./80640 - n*3418889./1995840),
		n * n * n * n * n * n * 212378941. / 319334400,
	}
}

func krugerReverse() [6]float64 {
	const n = third
	return [6]float64{
		n * (1./2 + n*(-2./3+n*(37./96+n*(-1./360+n*(-81./512+n*96199./604800))))),
		n * n * (1./48 + n*(1./15+n*(-437./1440+n*(46./105-n*1118711./3870720)))),
		n * n * n * (17./480 + n*(-37./840+n*(-209./4480+n*5569./90720))),
		n * n * n * n * (4397./161280 + n*(-11./504-n*830251./7257600)),
		n * n * n * n * n * (4583./161280 - n*108847./3991680),
		n * n * n * n * n * n * 20648693. / 638668800,
	}
}

// ToVN2000 projects WGS 84 degrees to easting x and northing y in metres.
func ToVN2000(lon, lat float64) (x, y float64) {
	px, py, pz := toEarth(lon, lat)
	lon, lat = toDegrees(unshift(px, py, pz))
	phi, lam := lat*math.Pi/180, (lon-meridian)*math.Pi/180
	e := math.Sqrt(eccSq)
	tau := math.Tan(phi)
	sigma := math.Sinh(e * math.Atanh(e*tau/math.Hypot(1, tau)))
	conformal := tau*math.Hypot(1, sigma) - sigma*math.Hypot(1, tau)
	xi0 := math.Atan2(conformal, math.Cos(lam))
	eta0 := math.Asinh(math.Sin(lam) / math.Hypot(conformal, math.Cos(lam)))
	xi, eta := xi0, eta0
	for i, a := range krugerForward() {
		k := float64(2 * (i + 1))
		xi += a * math.Sin(k*xi0) * math.Cosh(k*eta0)
		eta += a * math.Cos(k*xi0) * math.Sinh(k*eta0)
	}
	return falseEast + scaleTM*rectifying*eta, scaleTM * rectifying * xi
}

// FromVN2000 turns easting x and northing y in metres into WGS 84 degrees.
func FromVN2000(x, y float64) (lon, lat float64) {
	xi, eta := y/(scaleTM*rectifying), (x-falseEast)/(scaleTM*rectifying)
	xi0, eta0 := xi, eta
	for i, b := range krugerReverse() {
		k := float64(2 * (i + 1))
		xi0 -= b * math.Sin(k*xi) * math.Cosh(k*eta)
		eta0 -= b * math.Cos(k*xi) * math.Sinh(k*eta)
	}
	lam := math.Atan2(math.Sinh(eta0), math.Cos(xi0))
	conformal := math.Sin(xi0) / math.Hypot(math.Sinh(eta0), math.Cos(xi0))
	e := math.Sqrt(eccSq)
	tau := conformal
	for range 5 { // Newton's method doubles the digits each time; three suffice
		sigma := math.Sinh(e * math.Atanh(e*tau/math.Hypot(1, tau)))
		t := tau*math.Hypot(1, sigma) - sigma*math.Hypot(1, tau)
		tau += (conformal - t) / math.Hypot(1, t) * (1 + (1-eccSq)*tau*tau) / ((1 - eccSq) * math.Hypot(1, tau))
	}
	px, py, pz := toEarth(meridian+lam*180/math.Pi, math.Atan(tau)*180/math.Pi)
	return toDegrees(shift(px, py, pz))
}

// shift moves earth-centred coordinates from VN-2000 to WGS 84.
func shift(x, y, z float64) (float64, float64, float64) {
	const rx, ry, rz, m = turnX * arcSecond, turnY * arcSecond, turnZ * arcSecond, 1 + growth
	return shiftX + m*(x-rz*y+ry*z), shiftY + m*(rz*x+y-rx*z), shiftZ + m*(-ry*x+rx*y+z)
}

// unshift inverts shift with the transposed rotation, as PROJ does; what that
// neglects is the square of 1e-7.
func unshift(x, y, z float64) (float64, float64, float64) {
	const rx, ry, rz, m = turnX * arcSecond, turnY * arcSecond, turnZ * arcSecond, 1 + growth
	x, y, z = (x-shiftX)/m, (y-shiftY)/m, (z-shiftZ)/m
	return x + rz*y - ry*z, -rz*x + y + rx*z, ry*x - rx*y + z
}

func toEarth(lon, lat float64) (x, y, z float64) {
	phi, lam := lat*math.Pi/180, lon*math.Pi/180
	nu := axis / math.Sqrt(1-eccSq*math.Sin(phi)*math.Sin(phi))
	return nu * math.Cos(phi) * math.Cos(lam), nu * math.Cos(phi) * math.Sin(lam), nu * (1 - eccSq) * math.Sin(phi)
}

// toDegrees finds the foot of the point on the ellipsoid by fixed-point
// iteration on the latitude, whose error shrinks by eccSq each time.
func toDegrees(x, y, z float64) (lon, lat float64) {
	p := math.Hypot(x, y)
	phi := math.Atan2(z, p*(1-eccSq))
	for range 8 {
		nu := axis / math.Sqrt(1-eccSq*math.Sin(phi)*math.Sin(phi))
		phi = math.Atan2(z+eccSq*nu*math.Sin(phi), p)
	}
	return math.Atan2(y, x) * 180 / math.Pi, phi * 180 / math.Pi
}
